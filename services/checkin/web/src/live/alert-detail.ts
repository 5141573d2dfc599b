/** What an alert tells besides its kind, in the reader's language: pure. */

import type { Alert } from '../contract';
import { numberFormat } from '../formats';
import type { Words } from '../words/en';

const CORRECTION = /^shown \w+: (\w+); logged \w+: (\w+)$/;
const CLOCK = /^([+-]?\d+) s$/;
const COUNT = /^\d+$/;
const OF_LIMIT = /^(\d+) \/ (\d+)$/;

// The largest unit of which there are two or more.
const UNITS = [
  ['day', 24 * 60 * 60],
  ['hour', 60 * 60],
  ['minute', 60],
  ['second', 1],
] as const;

/** What the server wrote for programs; as it is where this page cannot read it. */
export function detailOf({ kind, detail, device }: Alert, words: Words): string | null {
  // What a silent device is called, its alert says anyway.
  if (detail === null || detail === device) return null;
  return read(kind, detail, words) ?? reasonOf(detail, words);
}

function read(kind: string, detail: string, words: Words): string | null {
  const number = (digits = '') => numberFormat(words.locale).format(Number(digits));
  const { inside, alertDetails } = words.live;
  if (kind === 'roll_call' && COUNT.test(detail)) return `${inside}: ${number(detail)}`;
  const [correction, clock, ofLimit] = [CORRECTION, CLOCK, OF_LIMIT].map((form) => form.exec(detail));
  if (correction) {
    const [, told = '', logged = ''] = correction;
    return alertDetails.correction(reasonOf(told, words), reasonOf(logged, words));
  }
  if (clock) {
    const seconds = Number(clock[1]);
    const { clockAhead, clockBehind } = alertDetails;
    return (seconds < 0 ? clockBehind : clockAhead)(duration(Math.abs(seconds), words.locale));
  }
  return ofLimit ? `${number(ofLimit[1])} / ${number(ofLimit[2])}` : null;
}

function reasonOf(reason: string, { live }: Words): string {
  const texts: Readonly<Record<string, string>> = { ...live.refusalReasons, ...live.passages };
  return texts[reason] ?? reason;
}

function duration(seconds: number, locale: string): string {
  const [unit, length] = UNITS.find(([, of]) => seconds >= 2 * of) ?? (['second', 1] as const);
  const style = { style: 'unit', unit, unitDisplay: 'long' } as const;
  return numberFormat(locale, style).format(Math.round(seconds / length));
}
