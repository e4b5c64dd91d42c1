import { element } from './dom.ts';
import { formatBytes, hueOf, initials, isSameDay, splitLinks } from './format.ts';
import { type ChatMessage, continues } from './message.ts';

/** Longer texts show their beginning and a button for the rest. */
const FOLD_AT = 1_500;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** One list item for a message; `previous` decides whether name, time and day are said again. */
export function messageRow(message: ChatMessage, previous: ChatMessage | undefined): HTMLLIElement {
  const row = element('li', `row kind-${message.kind}`);
  if (previous === undefined || !isSameDay(previous.atMs, message.atMs)) row.append(dayLine(message.atMs));
  const follows = continues(message, previous);
  if (follows) row.classList.add('follows');
  if (message.own) row.classList.add('own');
  if (message.kind === 'notice') {
    row.append(element('p', 'notice', message.text, ' ', time(message.atMs)));
    return row;
  }
  if (message.author === '' || follows) row.append(time(message.atMs, shortTime(message.atMs)));
  else row.append(...heading(message));
  row.append(body(message));
  return row;
}

function heading(message: ChatMessage): Node[] {
  const hue = `hue-${hueOf(message.author)}`;
  const avatar = element('span', `avatar ${hue}`, initials(message.author));
  avatar.ariaHidden = 'true';
  const head = element('div', 'head', element('bdi', `who ${hue}`, message.author));
  if (message.own) head.append(element('span', 'you', 'you'));
  head.append(time(message.atMs));
  return [avatar, head];
}

function body(message: ChatMessage): HTMLElement {
  const text = element(message.kind === 'json' ? 'pre' : 'div', 'text');
  text.dir = 'auto';
  fill(text, message.text);
  return text;
}

function fill(target: HTMLElement, text: string): void {
  if (text.length <= FOLD_AT) {
    target.append(...linked(text));
    return;
  }
  const more = element('button', 'more', `Show all ${formatBytes(new TextEncoder().encode(text).length)}`);
  more.type = 'button';
  more.addEventListener('click', () => target.replaceChildren(...linked(text)));
  target.append(`${text.slice(0, FOLD_AT)}… `, more);
}

function linked(text: string): Node[] {
  return splitLinks(text).map((part) => {
    if (part.href === undefined) return document.createTextNode(part.text);
    const link = element('a', '', part.text);
    link.href = part.href;
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
    return link;
  });
}

/** Hour and minute alone: the gutter has no room for "AM". */
function shortTime(atMs: number): string {
  const parts = clock.formatToParts(atMs).filter((part) => part.type !== 'dayPeriod');
  return parts
    .map((part) => part.value)
    .join('')
    .trim();
}

function time(atMs: number, shown: string = clock.format(atMs)): HTMLTimeElement {
  const at = new Date(atMs);
  const made = element('time', '', shown);
  made.dateTime = at.toISOString();
  made.title = `Received ${exact.format(at)}`;
  return made;
}

function dayLine(atMs: number): HTMLElement {
  return element('div', 'day', element('span', '', calendar.format(new Date(atMs))));
}
