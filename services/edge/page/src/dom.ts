/** The page's element with this id; throws where index.html and the scripts don't fit together. */
export function byId<T extends Element>(id: string, type: abstract new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`index.html has no ${type.name} with id "${id}"`);
  return found;
}

/** Makes an element. Strings become text, never markup: what is shown here comes from anybody. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

export function button(className: string, label: string, onClick: () => void): HTMLButtonElement {
  const made = element('button', className, label);
  made.type = 'button';
  made.addEventListener('click', onClick);
  return made;
}

/** Sets a text only where it differs, so that a live region speaks once. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Runs a task once before the next frame, however often it is asked for: what keeps a flood of messages cheap. */
export class FrameTask {
  readonly #task: () => void;
  #pending = false;

  constructor(task: () => void) {
    this.#task = task;
  }

  schedule(): void {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      this.#task();
    });
  }
}
