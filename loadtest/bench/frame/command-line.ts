import { writeFileSync } from 'node:fs';

/** What `names` name, in their order. @throws RangeError that names the wrong one, or says that there is none */
export function scenariosNamed<Named extends { readonly name: string }>(
  names: readonly string[],
  known: readonly Named[],
): Named[] {
  if (names.length === 0) throw new RangeError('name a scenario at least');
  return names.map((name) => {
    const found = known.find((scenario) => scenario.name === name);
    if (found !== undefined) return found;
    throw new RangeError(`there is no scenario '${name}', only ${known.map((one) => one.name).join(', ')}`);
  });
}

/** The value of an option, where it is given. @throws RangeError */
export function wholeNumber(option: string, text: string | undefined, least = 1): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least) {
    throw new RangeError(`${option} must be a whole number from ${least} on, not '${text}'`);
  }
  return value;
}

/** Standard output is for the document. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * @param file standard output where there is none
 * @param indent 0 for all on one line
 */
export function writeDocument(document: object, file: string | undefined, indent = 2): void {
  const text = `${JSON.stringify(document, undefined, indent)}\n`;
  if (file === undefined) process.stdout.write(text);
  else writeFileSync(file, text);
}
