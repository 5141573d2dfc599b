/** The number that people read off a badge: seven symbols and a check symbol, 7KQ2-M9X1. */

// Crockford's Base32: no I, L, O, U.
const SYMBOLS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BASE = SYMBOLS.length;
const LENGTH = 8;
// Hyphens as people and their phones write them, and blanks, go anywhere.
const SEPARATORS = /[\s\-\u2010-\u2015\u2212_.]+/g;

/** Capitals without separators; what is easily misread becomes what it was meant to be. */
export function normalize(typed: string): string {
  return typed
    .toUpperCase()
    .replace(SEPARATORS, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
}

/** ISO/IEC 7064, hybrid system MOD 33,32: the symbol that makes the sum over all symbols one. */
export function checkSymbol(data: string): string {
  let product = BASE;
  for (const symbol of data) {
    product = ((product + SYMBOLS.indexOf(symbol)) % BASE || BASE) * 2;
    product %= BASE + 1;
  }
  return SYMBOLS.charAt((BASE + 1 - product) % BASE);
}

export type NumberFault = 'incomplete' | 'symbol' | 'check';

/** What keeps a typed text from being a badge number, or null when it is one. */
export function fault(typed: string): NumberFault | null {
  const number = normalize(typed);
  if ([...number].some((symbol) => !SYMBOLS.includes(symbol)) || number.length > LENGTH) {
    return 'symbol';
  }
  if (number.length < LENGTH) return 'incomplete';
  return checkSymbol(number.slice(0, -1)) === number.slice(-1) ? null : 'check';
}

/** As it is printed: two groups of four. */
export function format(typed: string): string {
  const number = normalize(typed);
  return number.length > 4 ? `${number.slice(0, 4)}-${number.slice(4)}` : number;
}
