import { byId, setText } from './dom.ts';
import { DEFAULT_ROOM } from './room.ts';

/** What an empty room says: how to get somebody else to talk in it. */
export class EmptyView {
  readonly #title: HTMLElement = byId('empty-title', HTMLElement);
  readonly #link: HTMLAnchorElement = byId('empty-link', HTMLAnchorElement);
  readonly #terminal: HTMLElement = byId('empty-terminal', HTMLElement);
  readonly #socket: HTMLElement = byId('empty-socket', HTMLElement);

  constructor() {
    const url = new URL(document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    url.search = '';
    setText(this.#socket, `npx wscat -c ${url.href}`);
  }

  show(room: string): void {
    setText(this.#title, `No messages in ${room} yet`);
    this.#link.href = document.baseURI.replace(/#.*$/, '') + location.hash;
    // Terminals without the SDK reach the default channel of the log alone.
    this.#terminal.hidden = room !== DEFAULT_ROOM;
  }
}
