import { button, byId, element, setText } from './dom.ts';
import type { OutgoingMessage } from './outbox.ts';

export interface ComposerActions {
  /** Returns why the text can't be sent now; empty where it is on its way. */
  send(text: string): string;
  draftChanged(text: string): void;
  retry(id: number): void;
  discard(id: number): void;
}

/** An acknowledged message shows up in the feed by itself; only one that takes longer is shown as being sent. */
const SHOW_SENDING_AFTER_MS = 600;

/** The message box with what waits above it. */
export class ComposerView {
  readonly #box: HTMLTextAreaElement = byId('draft', HTMLTextAreaElement);
  readonly #send: HTMLButtonElement = byId('send', HTMLButtonElement);
  readonly #hint: HTMLElement = byId('composer-hint', HTMLElement);
  readonly #outgoing: HTMLUListElement = byId('outgoing', HTMLUListElement);
  readonly #actions: ComposerActions;

  constructor(actions: ComposerActions) {
    this.#actions = actions;
    byId('composer', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#box.addEventListener('keydown', (event) => {
      // While an input method composes, Enter chooses a candidate.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#box.addEventListener('input', () => {
      this.#showHint('');
      this.#fit();
      actions.draftChanged(this.#box.value);
    });
  }

  focus(): void {
    this.#box.focus();
  }

  showRoom(room: string, draft: string): void {
    this.#box.placeholder = `Message ${room}`;
    this.#box.value = draft;
    this.#showHint('');
    this.#fit();
  }

  setReady(ready: boolean): void {
    this.#send.ariaDisabled = String(!ready);
    if (ready) this.#showHint('');
  }

  showOutgoing(messages: readonly OutgoingMessage[]): void {
    this.#outgoing.hidden = messages.length === 0;
    this.#outgoing.replaceChildren(...messages.map((message) => this.#outgoingItem(message)));
  }

  #submit(): void {
    const text = this.#box.value;
    if (text.trim() === '') return;
    const problem = this.#actions.send(text);
    this.#showHint(problem);
    if (problem !== '') return;
    this.#box.value = '';
    this.#fit();
    this.#actions.draftChanged('');
  }

  #showHint(text: string): void {
    setText(this.#hint, text);
    this.#hint.hidden = text === '';
  }

  #fit(): void {
    this.#box.style.height = 'auto';
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }

  #outgoingItem(message: OutgoingMessage): HTMLLIElement {
    const text = element('span', 'outgoing-text', message.text);
    if (message.state === 'sending') {
      const item = element('li', 'sending', text, element('span', 'outgoing-state', 'Sending…'));
      item.hidden = true;
      setTimeout(() => {
        item.hidden = false;
      }, SHOW_SENDING_AFTER_MS);
      return item;
    }
    const problem = element('span', 'outgoing-state', message.problem);
    problem.role = 'alert';
    return element(
      'li',
      'failed',
      text,
      problem,
      button('small', 'Send again', () => this.#actions.retry(message.id)),
      button('small quiet', 'Discard', () => this.#actions.discard(message.id)),
    );
  }
}
