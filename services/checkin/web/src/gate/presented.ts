import type { Presented } from '../contract';
import { fault, normalize } from './badge-number';
import { isPairingLink } from './pairing-code';
import type { Burst } from './wedge';

// RFC 9285. A signed badge is 117 of these; anything near that is worth showing to the server.
const CREDENTIAL = /^[0-9A-Z $%*+\-./:]{60,400}$/;

function looksRight(text: string): boolean {
  return CREDENTIAL.test(text) || fault(text) === null || isPairingLink(text);
}

/** A read text as what it presents; the server names what is wrong with anything else. */
export function present(text: string): Presented {
  return fault(text) === null ? { number: normalize(text) } : { credential: text };
}

/** The likeliest reading of a handheld scanner's burst, mended for keyboard layout and Caps Lock. */
export function presentBurst({ asTyped, onUsKeyboard }: Burst): Presented {
  const readings = [asTyped, asTyped.toUpperCase(), onUsKeyboard.toUpperCase()];
  return present(readings.find(looksRight) ?? asTyped);
}
