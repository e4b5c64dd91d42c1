/**
 * Whether a name is as a pattern says, in which `*` stands for any characters and `?` for one. Not by a regular expression: whoever may ask for
 * channels would hold up every edge for minutes by a few stars.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  let at = 0;
  let from = 0;
  /** The last star, and up to where it reaches. */
  let star = -1;
  let reach = 0;
  while (from < name.length) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at++;
      reach = from;
    } else if (wanted === '?') {
      at++;
      from += width(name, from);
    } else if (wanted === name[from]) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      reach += width(name, reach);
      from = reach;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** Of one character, in UTF-16 units. */
function width(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
