/**
 * Handheld scanners type: a burst of keys, then Enter (or Tab). What tells them from a person is
 * speed: nobody types fifteen keys in half a second.
 */

export interface Key {
  /** What the keyboard layout made of it: KeyboardEvent.key */
  readonly key: string;
  /** Which key it was: KeyboardEvent.code */
  readonly code: string;
  readonly shift: boolean;
  /** Milliseconds, on any clock that runs evenly */
  readonly at: number;
}

const LONGEST_GAP_MS = 100;
const MEAN_GAP_MS = 45;
const SHORTEST_SCAN = 6;

const US_SHIFTED: Readonly<Record<string, string>> = {
  Digit1: '!', Digit2: '@', Digit3: '#', Digit4: '$', Digit5: '%',
  Digit6: '^', Digit7: '&', Digit8: '*', Digit9: '(', Digit0: ')',
  Minus: '_', Equal: '+', Semicolon: ':', Slash: '?', Period: '>', Comma: '<',
};
const US_PLAIN: Readonly<Record<string, string>> = {
  Minus: '-', Equal: '=', Semicolon: ';', Slash: '/', Period: '.', Comma: ',', Space: ' ',
  NumpadAdd: '+', NumpadSubtract: '-', NumpadMultiply: '*', NumpadDivide: '/', NumpadDecimal: '.',
};

/** What a US keyboard would have typed: scanners press its keys, whatever layout the laptop has. */
function usCharacter({ code, shift, key }: Key): string {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return letter;
  const shifted = shift ? US_SHIFTED[code] : undefined;
  if (shifted) return shifted;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
  return digit ?? US_PLAIN[code] ?? key;
}

/** The texts that one burst may stand for, the likelier first. */
export interface Burst {
  readonly asTyped: string;
  readonly onUsKeyboard: string;
}

export class Wedge {
  #keys: Key[] = [];

  /** Whether a key has come that may be the first of a burst ending at `now`. */
  openAt(now: number): boolean {
    const last = this.#keys.at(-1);
    return last !== undefined && now - last.at <= LONGEST_GAP_MS;
  }

  /** True while keys come faster than fingers: they belong to a scanner, not to a field. */
  get bursting(): boolean {
    return this.#keys.length >= 3 && this.#fast();
  }

  /** Takes the next key; gives the burst when it is the one that ends it. */
  press(key: Key): Burst | null {
    const previous = this.#keys.at(-1);
    if (previous && key.at - previous.at > LONGEST_GAP_MS) this.#keys = [];
    if (key.key === 'Enter' || key.key === 'Tab') return this.#end();
    if (key.key.length === 1) this.#keys.push(key);
    return null;
  }

  #end(): Burst | null {
    const keys = this.#keys;
    const scanned = keys.length >= SHORTEST_SCAN && this.#fast();
    this.#keys = [];
    if (!scanned) return null;
    return {
      asTyped: keys.map(({ key }) => key).join(''),
      onUsKeyboard: keys.map(usCharacter).join(''),
    };
  }

  #fast(): boolean {
    const first = this.#keys[0];
    const last = this.#keys.at(-1);
    if (!first || !last || this.#keys.length < 2) return false;
    return (last.at - first.at) / (this.#keys.length - 1) <= MEAN_GAP_MS;
  }
}
