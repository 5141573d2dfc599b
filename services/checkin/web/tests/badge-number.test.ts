import { describe, expect, test } from 'vitest';
import { checkSymbol, fault, format, normalize } from '../src/gate/badge-number';

const SYMBOLS = [...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'];

describe('a badge number', () => {
  // Computed by an independent implementation of ISO/IEC 7064.
  test.each([
    ['7KQ2M9X', '1'],
    ['0000000', 'X'],
    ['ZZZZZZZ', 'K'],
    ['0000001', 'V'],
    ['1234567', '1'],
    ['H3N4P5Q', '8'],
    ['ABCDEFG', 'E'],
    ['M0NTBR1', 'G'],
  ])('%s ends in the check symbol %s', (data, check) => {
    expect(checkSymbol(data)).toBe(check);
    expect(fault(data + check)).toBeNull();
  });

  test('is taken as people type it', () => {
    expect(normalize(' 7kq2-m9x1 ')).toBe('7KQ2M9X1');
    expect(fault('7kq2 m9xl')).toBeNull();
    expect(normalize('oil')).toBe('011');
    expect(format('7kq2m9x1')).toBe('7KQ2-M9X1');
    expect(format('7kq')).toBe('7KQ');
  });

  test('with any one symbol mistyped is caught', () => {
    const number = '7KQ2M9X1';
    for (let place = 0; place < number.length; place += 1) {
      for (const symbol of SYMBOLS.filter((other) => other !== number[place])) {
        expect(fault(number.slice(0, place) + symbol + number.slice(place + 1))).toBe('check');
      }
    }
  });

  test('with two neighbours swapped is caught', () => {
    const number = '7KQ2M9X1';
    for (let place = 0; place < number.length - 1; place += 1) {
      const [left, right] = [number.charAt(place), number.charAt(place + 1)];
      const swapped = number.slice(0, place) + right + left + number.slice(place + 2);
      expect(fault(swapped)).toBe('check');
    }
  });

  test('says what keeps it from being one', () => {
    expect(fault('7KQ2')).toBe('incomplete');
    expect(fault('7KQ2-M9XU')).toBe('symbol');
    expect(fault('7KQ2-M9X1-0')).toBe('symbol');
  });
});
