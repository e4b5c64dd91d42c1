import { type ConnectionState, describeConnection } from './connection.ts';
import { byId, setText } from './dom.ts';

const TICK_MS = 1_000;

/** The lamp that shows the connection, and the banner that says what is wrong with it. */
export class StatusView {
  readonly #label: HTMLElement = byId('status', HTMLElement);
  readonly #banner: HTMLElement = byId('banner', HTMLElement);
  readonly #detail: HTMLElement = byId('banner-detail', HTMLElement);
  readonly #spoken: HTMLElement = byId('spoken', HTMLElement);
  readonly #action: HTMLButtonElement = byId('banner-action', HTMLButtonElement);
  #state: ConnectionState = { phase: 'connecting' };

  constructor(onAction: () => void) {
    this.#action.addEventListener('click', onAction);
    setInterval(() => {
      if (this.#state.phase === 'reconnecting') this.#render();
    }, TICK_MS);
  }

  show(state: ConnectionState): void {
    const changed = state.phase !== this.#state.phase;
    this.#state = state;
    this.#render();
    // Said once a change, apart from the banner, whose seconds would be read out again and again.
    if (changed) setText(this.#spoken, describeConnection(state, Date.now()).label);
  }

  #render(): void {
    const { label, detail, action } = describeConnection(this.#state, Date.now());
    document.body.dataset['connection'] = this.#state.phase;
    setText(this.#label, label);
    this.#banner.hidden = detail === undefined;
    setText(this.#detail, detail ?? '');
    this.#action.hidden = action === undefined;
    setText(this.#action, action ?? '');
  }
}
