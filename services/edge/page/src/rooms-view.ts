import { button, byId, element, FrameTask, setText } from './dom.ts';
import { formatCount } from './format.ts';
import { checkRoom, hashOfRoom } from './room.ts';
import type { Room } from './room-book.ts';

export interface RoomsViewActions {
  /** Returns why the room can't be opened; empty where it can. */
  open(room: string): string;
  leave(room: string): void;
  setName(name: string): void;
}

export interface RoomsViewModel {
  readonly rooms: readonly Room[];
  readonly current: string;
}

/** The side bar: rooms with their unread counts, the form that adds one, the user's name. */
export class RoomsView {
  readonly #list: HTMLUListElement = byId('rooms', HTMLUListElement);
  readonly #input: HTMLInputElement = byId('new-room', HTMLInputElement);
  readonly #problem: HTMLElement = byId('new-room-problem', HTMLElement);
  readonly #name: HTMLInputElement = byId('name', HTMLInputElement);
  readonly #toggle: HTMLButtonElement = byId('show-rooms', HTMLButtonElement);
  readonly #toggleBadge: HTMLElement = byId('show-rooms-unread', HTMLElement);
  readonly #actions: RoomsViewActions;
  readonly #model: () => RoomsViewModel;
  readonly #frame: FrameTask = new FrameTask(() => this.#render());

  constructor(actions: RoomsViewActions, model: () => RoomsViewModel) {
    this.#actions = actions;
    this.#model = model;
    byId('add-room', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#input.addEventListener('input', () => this.#showProblem(''));
    this.#name.addEventListener('change', () => actions.setName(this.#name.value));
    this.#name.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.#name.blur();
    });
    this.#toggle.addEventListener('click', () => this.setDrawer(!this.isDrawerOpen));
    byId('veil', HTMLElement).addEventListener('click', () => this.setDrawer(false));
    // A window made wide with the drawer open has no drawer left to close.
    matchMedia('(max-width: 719px)').addEventListener('change', () => this.setDrawer(false));
  }

  get isDrawerOpen(): boolean {
    return document.body.classList.contains('drawer-open');
  }

  /** On a narrow window the side bar is a drawer; on a wide one this changes nothing to see. */
  setDrawer(open: boolean): void {
    const changes = open !== this.isDrawerOpen;
    document.body.classList.toggle('drawer-open', open);
    this.#toggle.ariaExpanded = String(open);
    byId('room', HTMLElement).inert = open;
    if (!changes) return;
    if (open) this.#list.querySelector<HTMLElement>('[aria-current]')?.focus();
    else this.#toggle.focus();
  }

  showName(name: string): void {
    this.#name.value = name;
  }

  changed(): void {
    this.#frame.schedule();
  }

  #submit(): void {
    const check = checkRoom(this.#input.value);
    const problem = check.ok ? this.#actions.open(check.room) : check.problem;
    this.#showProblem(problem);
    if (problem === '') this.#input.value = '';
    else this.#input.focus();
  }

  #showProblem(problem: string): void {
    setText(this.#problem, problem);
    this.#problem.hidden = problem === '';
    this.#input.ariaInvalid = String(problem !== '');
  }

  #render(): void {
    const { rooms, current } = this.#model();
    const focused = document.activeElement?.closest<HTMLElement>('#rooms [data-room]')?.dataset['room'];
    this.#list.replaceChildren(...rooms.map((room) => this.#item(room, room.name === current, rooms.length > 1)));
    const unread = rooms.reduce((total, room) => total + room.unread, 0);
    this.#toggleBadge.hidden = unread === 0;
    setText(this.#toggleBadge, formatCount(unread));
    if (focused === undefined) return;
    // The list is made anew: whoever walks through it by keyboard must not lose the place.
    for (const item of this.#list.children) {
      if (item instanceof HTMLElement && item.dataset['room'] === focused) item.querySelector('a')?.focus();
    }
  }

  #item(room: Room, isCurrent: boolean, canLeave: boolean): HTMLLIElement {
    const link = element('a', 'room-link', element('bdi', 'room-name', room.name));
    link.href = hashOfRoom(room.name);
    link.title = room.name;
    if (isCurrent) link.ariaCurrent = 'page';
    if (room.state.phase === 'refused') link.append(element('span', 'refused', 'not joined'));
    if (room.unread > 0) {
      const badge = element('span', 'unread', formatCount(room.unread));
      badge.append(element('span', 'unseen', ' unread'));
      link.append(badge);
    }
    const item = element('li', '', link);
    item.dataset['room'] = room.name;
    if (canLeave) {
      const leave = button('leave', '×', () => this.#actions.leave(room.name));
      leave.ariaLabel = `Leave ${room.name}`;
      leave.title = 'Leave this room';
      item.append(leave);
    }
    return item;
  }
}
