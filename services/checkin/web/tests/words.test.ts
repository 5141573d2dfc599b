import { describe, expect, test } from 'vitest';
import ar from '../src/words/ar';
import en, { type Words } from '../src/words/en';
import es from '../src/words/es';
import fr from '../src/words/fr';
import ru from '../src/words/ru';
import zh from '../src/words/zh';

type Text = string | ((...values: (string | number)[]) => string);

const catalogues: [string, Words][] = Object.entries({ ar, es, fr, ru, zh });
const english = texts(en);

const COUNTS = [0, 1, 2, 5, 11, 21, 100];
const PROPERTIES = ['language', 'direction', 'locale'];
// What a language has in common with English; nothing else may be left as it was.
const SAME: Readonly<Record<string, readonly string[]>> = {
  fr: ['live.badged', 'live.menu', 'live.pages.badges', 'live.regions.europe'],
};

// A text of one or two words may grow by this; a longer one by its share.
const ROOM = 20;
const GROWTH = 1.8;
// What stands as large as the screen, and the two halves of the switch in the header.
const LARGE = ['verdict.admitted', 'verdict.refused', 'verdict.departed', 'gate.in', 'gate.out'];
const LARGE_MOST = 9;

/** Every text by its path, lists included: gate.undoReasons.0. */
function texts(words: object, path = ''): Map<string, Text> {
  return new Map(
    Object.entries(words).flatMap(([key, value]: [string, Text | object]) =>
      typeof value === 'object'
        ? [...texts(value, `${path}${key}.`)]
        : [[`${path}${key}`, value] as const],
    ),
  );
}

/** A text as it may be read, with the same value in each of its gaps. */
const read = (text: Text | undefined, value: string | number = 21): string =>
  typeof text === 'function' ? text(...Array(text.length).fill(value)) : (text ?? '');

describe.each(catalogues)('the words in %s', (code, words) => {
  const own = texts(words);

  test('are all there, with the same gaps', () => {
    expect([...own.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [path, text] of own) {
      expect(typeof text, path).toBe(typeof english.get(path));
      expect(read(text).trim(), path).not.toBe('');
    }
  });

  test('say every value that they are given', () => {
    for (const [path, text] of own) {
      if (typeof text !== 'function') continue;
      const values = Array.from(Array(text.length), (_, i) => 21 + i);
      for (const value of values) expect(text(...values), path).toContain(String(value));
    }
  });

  test('are translated', () => {
    const left = [...own].filter(
      ([path, text]) => !PROPERTIES.includes(path) && read(text) === read(english.get(path)),
    );
    const shared = left.map(([path]) => path).filter((path) => !SAME[code]?.includes(path));
    expect(shared).toEqual([]);
  });

  test('are as short as they are in English, nearly', () => {
    for (const [path, text] of own) {
      const { length } = read(english.get(path));
      const most = Math.max(length + ROOM, GROWTH * length);
      if (!PROPERTIES.includes(path)) expect.soft(read(text).length, path).toBeLessThanOrEqual(most);
    }
    for (const path of LARGE) expect(read(own.get(path)).length, path).toBeLessThanOrEqual(LARGE_MOST);
  });

  test('count', () => {
    for (const n of COUNTS) {
      const { gate, live } = words;
      const counted = [
        gate.waiting(n),
        gate.moreCorrections(n),
        gate.unpairWaiting(n),
        gate.unpairAndLose(n),
        gate.copyOld(n),
        gate.admittedHere(n),
        live.busiest('08:12', n),
      ];
      for (const text of counted) {
        expect(text).not.toMatch(/undefined|NaN|#/);
        // One and two may be words.
        if (n > 2) expect(text).toContain(String(n));
      }
    }
  });

  test('are for a language that dates and numbers can be written in', () => {
    const { locale } = new Intl.DateTimeFormat(words.locale).resolvedOptions();
    expect(locale.split('-')[0]).toBe(code);
    expect(new Intl.NumberFormat(words.locale).format(21)).toBe('21');
    expect(words.direction).toBe(code === 'ar' ? 'rtl' : 'ltr');
  });
});

test('Russian has three forms to count in', () => {
  expect([1, 2, 5, 11, 21].map(ru.gate.waiting)).toEqual([
    '1 проверка в очереди',
    '2 проверки в очереди',
    '5 проверок в очереди',
    '11 проверок в очереди',
    '21 проверка в очереди',
  ]);
});

test('French has no break before a sign of two parts, nor inside of its quotation marks', () => {
  for (const [path, text] of texts(fr)) expect(read(text), path).not.toMatch(/ [:;!?»…]|« /);
});

test.each(Object.entries({ en, es, fr, ru }))('one scan is lost as one, in %s', (_, { gate }) => {
  const [one, two] = [1, 2].map((n) => gate.unpairWaiting(n).split('. ')[1]);
  expect(one).not.toBe(two);
});

test('Arabic has six', () => {
  expect(new Set([0, 1, 2, 5, 11, 100].map(ar.gate.moreCorrections)).size).toBe(6);
  expect([1, 2, 5, 11].map((n) => ar.live.busiest('08:12', n).split(': ')[1])).toEqual([
    'شخص واحد',
    'شخصان',
    '5 أشخاص',
    '11 شخصًا',
  ]);
});
