import { ComposerView } from './composer-view.ts';
import type { ConnectionState } from './connection.ts';
import { byId, setText } from './dom.ts';
import { EmptyView } from './empty-view.ts';
import { FeedView } from './feed-view.ts';
import { formatBytes, formatCount } from './format.ts';
import { Keepsake } from './keepsake.ts';
import { type IncomingPublication, cleanName, notice, readPublication } from './message.ts';
import { describePublishError, MAX_MESSAGE_BYTES, messageBytes, type OutgoingMessage, Outbox } from './outbox.ts';
import { DEFAULT_ROOM, hashOfRoom, MAX_ROOMS, neighbour, roomOfHash } from './room.ts';
import { type Room, RoomBook } from './room-book.ts';
import { RoomsView } from './rooms-view.ts';
import { type RoomState, Session } from './session.ts';
import { StatusView } from './status-view.ts';

/** Puts session, rooms and views together: every event of either side comes by here. */
export class ChatApp {
  readonly #keepsake: Keepsake = new Keepsake();
  readonly #book: RoomBook = new RoomBook();
  readonly #outbox: Outbox = new Outbox();
  readonly #feed: FeedView = new FeedView();
  readonly #empty: EmptyView = new EmptyView();
  readonly #session: Session;
  readonly #rooms: RoomsView;
  readonly #composer: ComposerView;
  readonly #status: StatusView;
  #current: string = DEFAULT_ROOM;
  #name: string = this.#keepsake.name();

  constructor() {
    this.#session = new Session({
      connection: (state) => this.#onConnection(state),
      room: (room, state) => this.#onRoomState(room, state),
      gap: (room) => this.#note(room, 'Connected again. What was sent meanwhile may be missing here.'),
      message: (room, publication) => this.#onMessage(room, publication),
    });
    this.#rooms = new RoomsView(
      {
        open: (room) => this.#open(room),
        leave: (room) => this.#leave(room),
        setName: (name) => this.#setName(name),
      },
      () => ({ rooms: this.#book.all, current: this.#current }),
    );
    this.#composer = new ComposerView({
      send: (text) => this.#send(text),
      draftChanged: (text) => this.#keepsake.setDraft(this.#current, text),
      retry: (id) => this.#retry(id),
      discard: (id) => this.#discard(id),
    });
    this.#status = new StatusView(() => this.#session.reconnect());
  }

  start(): void {
    this.#rooms.showName(this.#name);
    for (const room of this.#keepsake.rooms()) this.#enter(room);
    const wanted = roomOfHash(location.hash) ?? this.#book.names[0] ?? DEFAULT_ROOM;
    if (this.#open(wanted) !== '') this.#show(this.#book.names[0] ?? DEFAULT_ROOM);
    window.addEventListener('hashchange', () => this.#onHash());
    document.addEventListener('keydown', (event) => this.#onKey(event));
    document.addEventListener('visibilitychange', () => this.#onVisible());
    byId('rejoin', HTMLButtonElement).addEventListener('click', () => this.#session.join(this.#current));
    byId('skip', HTMLButtonElement).addEventListener('click', () => this.#composer.focus());
    this.#keepsake.onRoomsChanged((rooms) => this.#adopt(rooms));
    this.#session.connect();
    // On a touch screen focus would push the keyboard over the page before anybody asked for it.
    if (matchMedia('(pointer: fine)').matches) this.#composer.focus();
  }

  #enter(name: string): Room | undefined {
    const known = this.#book.get(name);
    if (known !== undefined) return known;
    const room = this.#book.open(name);
    if (room !== undefined) this.#session.join(name);
    return room;
  }

  /** Shows a room, joining it where that isn't so yet; returns why it can't. */
  #open(name: string): string {
    if (this.#enter(name) === undefined) {
      return `You are in ${MAX_ROOMS} rooms, the most there can be: leave one first.`;
    }
    this.#keepsake.setRooms(this.#book.names);
    this.#show(name);
    if (matchMedia('(pointer: fine)').matches) this.#composer.focus();
    return '';
  }

  #show(name: string): void {
    const room = this.#book.get(name);
    if (room === undefined) return;
    this.#current = name;
    room.unread = 0;
    // Replaced, not pushed: going back leaves the page in place of leafing through rooms.
    if (roomOfHash(location.hash) !== name) history.replaceState(null, '', hashOfRoom(name));
    setText(byId('room-title', HTMLElement), name);
    this.#empty.show(name);
    this.#composer.showRoom(name, this.#keepsake.draft(name));
    this.#feed.show(room.messages);
    this.#rooms.setDrawer(false);
    this.#renderRoom();
  }

  #leave(name: string): void {
    const names = this.#book.names;
    if (names.length <= 1) return;
    const next = name === this.#current ? neighbour(names, name, name === names.at(-1) ? -1 : 1) : this.#current;
    this.#drop(name);
    this.#keepsake.setRooms(this.#book.names);
    if (next === this.#current) this.#rooms.changed();
    else this.#show(next);
  }

  #drop(name: string): void {
    this.#session.leave(name);
    this.#book.close(name);
    this.#outbox.removeRoom(name);
    this.#keepsake.setDraft(name, '');
  }

  /** Follows another tab's list of rooms; the room that is open here stays. */
  #adopt(rooms: readonly string[]): void {
    for (const name of this.#book.names) {
      if (name !== this.#current && !rooms.includes(name)) this.#drop(name);
    }
    for (const name of rooms) this.#enter(name);
    this.#rooms.changed();
  }

  #setName(name: string): void {
    this.#keepsake.setName(name);
    this.#name = cleanName(name) || this.#keepsake.name();
    this.#rooms.showName(this.#name);
  }

  #send(text: string): string {
    if (!this.#session.isConnected) return 'Not connected yet: your text stays here until the connection is back.';
    const bytes = messageBytes(this.#name, text);
    if (bytes > MAX_MESSAGE_BYTES) {
      return `Too long: ${formatBytes(bytes)}, and a message holds at most ${formatBytes(MAX_MESSAGE_BYTES)}.`;
    }
    if (this.#outbox.isFull) return 'Too many messages are waiting: send them again or discard them first.';
    this.#publish(this.#outbox.add(this.#current, text));
    this.#feed.toNewest();
    return '';
  }

  #publish(message: OutgoingMessage): void {
    this.#renderOutgoing();
    this.#session.publish(message.room, { name: this.#name, text: message.text }).then(
      () => this.#discard(message.id),
      (error: unknown) => {
        this.#outbox.fail(message.id, describePublishError(error));
        this.#renderOutgoing();
      },
    );
  }

  #retry(id: number): void {
    const failed = this.#outbox.get(id);
    if (failed === undefined) return;
    this.#outbox.remove(id);
    this.#publish(this.#outbox.add(failed.room, failed.text));
    this.#composer.focus();
  }

  #discard(id: number): void {
    this.#outbox.remove(id);
    this.#renderOutgoing();
  }

  #onConnection(state: ConnectionState): void {
    this.#status.show(state);
    this.#composer.setReady(state.phase === 'connected');
  }

  #onRoomState(name: string, state: RoomState): void {
    const room = this.#book.get(name);
    if (room === undefined) return;
    room.state = state;
    if (name === this.#current) this.#renderRoom();
    else this.#rooms.changed();
  }

  #onMessage(name: string, publication: IncomingPublication): void {
    const room = this.#book.get(name);
    if (room === undefined) return;
    const isOwn = (clientId: string): boolean => this.#session.isOwn(clientId);
    const message = readPublication(publication, { atMs: Date.now(), isOwn });
    room.messages.push(message);
    if (name === this.#current) this.#feed.changed();
    if (!message.own && (name !== this.#current || document.hidden)) {
      room.unread++;
      this.#rooms.changed();
      this.#renderTitle();
    }
  }

  #note(name: string, text: string): void {
    this.#book.get(name)?.messages.push(notice(text, Date.now()));
    if (name === this.#current) this.#feed.changed();
  }

  #onHash(): void {
    const name = roomOfHash(location.hash);
    if (name === undefined || name === this.#current) return;
    const problem = this.#open(name);
    if (problem !== '') this.#note(this.#current, problem);
  }

  #onKey(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && (event.altKey || event.ctrlKey) && !event.shiftKey && !event.metaKey) {
      event.preventDefault();
      this.#show(neighbour(this.#book.names, this.#current, step));
    } else if (event.key === 'Escape' && !event.isComposing) {
      if (this.#rooms.isDrawerOpen) this.#rooms.setDrawer(false);
      else {
        this.#feed.toNewest();
        this.#composer.focus();
      }
    }
  }

  #onVisible(): void {
    const room = this.#book.get(this.#current);
    if (document.hidden || room === undefined) return;
    room.unread = 0;
    this.#renderRoom();
  }

  #renderRoom(): void {
    const state = this.#book.get(this.#current)?.state;
    const refused = state?.phase === 'refused' ? state.problem : '';
    byId('refusal', HTMLElement).hidden = refused === '';
    setText(byId('refusal-detail', HTMLElement), refused === '' ? '' : `You are not in this room: ${refused}.`);
    this.#renderOutgoing();
    this.#rooms.changed();
    this.#renderTitle();
  }

  #renderOutgoing(): void {
    this.#composer.showOutgoing(this.#outbox.of(this.#current));
  }

  #renderTitle(): void {
    const unread = this.#book.unread;
    const title = `${unread === 0 ? '' : `(${formatCount(unread)}) `}${this.#current} · Pharos`;
    if (document.title !== title) document.title = title;
  }
}
