// What a channel's name says: `$private`, `namespace:rest`, `rest#user,user`. The boundaries are Centrifugo's.

/** The longest channel name, in bytes of UTF-8. */
const maxChannelBytes = 255;

const privatePrefix = '$';
const namespaceBoundary = ':';
const userBoundary = '#';
const userSeparator = ',';

/** The namespace of channels without a colon. */
export const defaultNamespace = 'default';

/** Whether the text can be a channel's name: 1 to 255 bytes of well-formed UTF-8. */
export function isChannelName(text: string): boolean {
  // A UTF-16 unit takes at most three bytes, so short names need no count.
  if (text.length === 0 || text.length > maxChannelBytes) return false;
  if (!text.isWellFormed()) return false;
  return text.length * 3 <= maxChannelBytes || Buffer.byteLength(text) <= maxChannelBytes;
}

/** What stands before the first colon, the mark of a private channel left out; `default` where there is none. */
export function namespaceName(channel: string): string {
  const colon = channel.indexOf(namespaceBoundary);
  if (colon < 0) return defaultNamespace;
  return channel.slice(isPrivate(channel) ? privatePrefix.length : 0, colon);
}

/** The name without its namespace and without the mark of a private channel. */
export function nameInNamespace(channel: string): string {
  const colon = channel.indexOf(namespaceBoundary);
  if (colon >= 0) return channel.slice(colon + 1);
  return isPrivate(channel) ? channel.slice(privatePrefix.length) : channel;
}

/** Whether nobody subscribes to it without a token. */
export function isPrivate(channel: string): boolean {
  return channel.startsWith(privatePrefix);
}

/** Whether the user is one of those that the channel's name lists; undefined where it lists none. */
export function isForUser(channel: string, user: string): boolean | undefined {
  const boundary = channel.lastIndexOf(userBoundary);
  if (boundary < 0) return undefined;
  return (
    user !== '' &&
    channel
      .slice(boundary + 1)
      .split(userSeparator)
      .includes(user)
  );
}
