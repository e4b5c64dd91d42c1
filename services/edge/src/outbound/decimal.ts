/** A decimal number, exact: its value times ten to the power of {@link fractionDigits}. */
export type Decimal = bigint;

/** Digits behind the point; a text with more is no number here, as with the official server. */
const fractionDigits = 19;
const maxLength = 200;
const form = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** Undefined for what is no decimal number: `1e3`, `.5`, `NaN`, or an empty text. */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > maxLength) return undefined;
  const parts = form.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole, fraction = ''] = parts;
  if (fraction.length > fractionDigits) return undefined;
  const value = BigInt(`${whole}${fraction.padEnd(fractionDigits, '0')}`);
  return sign === '-' ? -value : value;
}

/** Below, at or above 0. */
export function compareDecimals(one: Decimal, other: Decimal): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
