/** What the plain-text chat puts into the log for a text that a client sent: `[<id>] <text>`, as every subscriber shall read it. */
export function chatLine(clientId: string, text: Uint8Array): Buffer {
  const prefix = `[${clientId}] `;
  const line = Buffer.allocUnsafe(prefix.length + text.length);
  line.write(prefix, 'latin1');
  line.set(text, prefix.length);
  return line;
}
