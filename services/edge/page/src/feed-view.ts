import type { BoundedList } from './bounded-list.ts';
import { byId, FrameTask, setText } from './dom.ts';
import { formatCount } from './format.ts';
import type { ChatMessage } from './message.ts';
import { messageRow } from './message-row.ts';

/** So near to the end counts as reading along. */
const FOLLOW_WITHIN_PX = 48;
/** More rows in one frame aren't read out: nobody can listen that fast. */
const MAX_SPOKEN_ROWS = 20;

/**
 * Shows one room's messages. It keeps no queue of its own: on each frame it takes from the room's bounded list what is
 * new and drops what has fallen off, so that a flood costs one batch a frame and a hidden tab costs nothing.
 */
export class FeedView {
  readonly #scroller: HTMLElement = byId('feed', HTMLElement);
  readonly #rows: HTMLOListElement = byId('messages', HTMLOListElement);
  readonly #empty: HTMLElement = byId('empty', HTMLElement);
  readonly #newer: HTMLButtonElement = byId('newer', HTMLButtonElement);
  readonly #frame: FrameTask = new FrameTask(() => this.#render());
  #list: BoundedList<ChatMessage> | undefined;
  #shownFirst = 0;
  #shownNext = 0;
  #following = true;
  #unseen = 0;

  constructor() {
    this.#scroller.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    this.#newer.addEventListener('click', () => this.toNewest());
    // A narrower window or a taller composer must not leave the newest message below the edge.
    new ResizeObserver(() => {
      if (this.#following) this.#scrollToEnd();
    }).observe(this.#scroller);
  }

  /** Shows a room from its newest message. */
  show(list: BoundedList<ChatMessage>): void {
    this.#list = list;
    this.#rows.replaceChildren();
    this.#shownFirst = list.firstSeq;
    this.#shownNext = list.firstSeq;
    this.#following = true;
    this.#unseen = 0;
    this.#render();
  }

  /** The list that is shown has changed. */
  changed(): void {
    this.#frame.schedule();
  }

  toNewest(): void {
    this.#following = true;
    this.#unseen = 0;
    this.#scrollToEnd();
    this.#renderNewer();
  }

  #render(): void {
    const list = this.#list;
    if (list === undefined) return;
    this.#empty.hidden = list.length > 0;
    const from = Math.max(this.#shownNext, list.firstSeq);
    const added = list.nextSeq - from;
    this.#scroller.ariaLive = added > MAX_SPOKEN_ROWS ? 'off' : 'polite';
    this.#dropOld(list);
    this.#append(list, from);
    if (this.#following) this.#scrollToEnd();
    else this.#unseen = Math.min(this.#unseen + added, list.length);
    this.#renderNewer();
  }

  #dropOld(list: BoundedList<ChatMessage>): void {
    const gone = Math.min(list.firstSeq, this.#shownNext) - this.#shownFirst;
    if (gone <= 0) return;
    for (let count = 0; count < gone; count++) this.#rows.firstElementChild?.remove();
    this.#shownFirst = list.firstSeq;
    const first = list.at(list.firstSeq);
    // What followed a message that is gone says its name and day itself now.
    if (first !== undefined && this.#rows.firstElementChild !== null) {
      this.#rows.firstElementChild.replaceWith(messageRow(first, undefined));
    }
  }

  #append(list: BoundedList<ChatMessage>, from: number): void {
    const batch = document.createDocumentFragment();
    for (let seq = from; seq < list.nextSeq; seq++) {
      const message = list.at(seq);
      if (message !== undefined) batch.append(messageRow(message, list.at(seq - 1)));
    }
    this.#rows.append(batch);
    this.#shownFirst = list.firstSeq;
    this.#shownNext = list.nextSeq;
  }

  #onScroll(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#following = scrollHeight - scrollTop - clientHeight <= FOLLOW_WITHIN_PX;
    if (this.#following && this.#unseen > 0) {
      this.#unseen = 0;
      this.#renderNewer();
    }
  }

  #scrollToEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #renderNewer(): void {
    this.#newer.hidden = this.#unseen === 0;
    setText(this.#newer, `${formatCount(this.#unseen)} new ${this.#unseen === 1 ? 'message' : 'messages'} ↓`);
  }
}
