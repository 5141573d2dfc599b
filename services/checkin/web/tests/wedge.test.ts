import { describe, expect, test } from 'vitest';
import { presentBurst } from '../src/gate/presented';
import { type Burst, Wedge } from '../src/gate/wedge';

const CREDENTIAL =
  '6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3/XIV0W23NTDEXWK G2EP4J0BGJLFX3R3VHXK.JTJ.MS2J8JD10:6+RKUB1';

function code(character: string): string {
  if (/[A-Za-z]/.test(character)) return `Key${character.toUpperCase()}`;
  if (/\d/.test(character)) return `Digit${character}`;
  return 'Other';
}

function type(wedge: Wedge, text: string, gap: number, start = 0): Burst | null {
  let at = start;
  for (const key of text) {
    wedge.press({ key, code: code(key), shift: false, at });
    at += gap;
  }
  return wedge.press({ key: 'Enter', code: 'Enter', shift: false, at });
}

describe('a handheld scanner', () => {
  test('is known by its speed', () => {
    expect(type(new Wedge(), CREDENTIAL, 8)?.asTyped).toBe(CREDENTIAL);
  });

  test('may be a slow one', () => {
    expect(type(new Wedge(), '7KQ2M9X1', 40)?.asTyped).toBe('7KQ2M9X1');
  });

  test('is not confused with a person who types', () => {
    expect(type(new Wedge(), '7KQ2M9X1', 90)).toBeNull();
    expect(type(new Wedge(), '7KQ2M9X1', 180)).toBeNull();
  });

  test('is not confused with Enter on a button or a short word', () => {
    expect(type(new Wedge(), '', 10)).toBeNull();
    expect(type(new Wedge(), 'ok', 10)).toBeNull();
  });

  test('is heard after somebody typed a little before it', () => {
    const wedge = new Wedge();
    wedge.press({ key: 'x', code: 'KeyX', shift: false, at: 0 });
    expect(type(wedge, '7KQ2M9X1', 10, 400)?.asTyped).toBe('7KQ2M9X1');
  });

  test('leaves modifier keys out of the text', () => {
    const wedge = new Wedge();
    [...'7KQ2M9X1'].forEach((key, index) => {
      wedge.press({ key: 'Shift', code: 'ShiftLeft', shift: true, at: index * 10 });
      wedge.press({ key, code: code(key), shift: true, at: index * 10 + 3 });
    });
    const burst = wedge.press({ key: 'Tab', code: 'Tab', shift: false, at: 85 });
    expect(burst?.asTyped).toBe('7KQ2M9X1');
  });

  test('is bursting only while the keys fly', () => {
    const wedge = new Wedge();
    const press = (key: string, at: number) => wedge.press({ key, code: '', shift: false, at });
    press('A', 0);
    press('B', 10);
    expect(wedge.bursting).toBe(false);
    press('C', 20);
    expect(wedge.bursting).toBe(true);
    press('D', 900);
    expect(wedge.bursting).toBe(false);
  });
});

describe('what a handheld scanner presents', () => {
  test('is a number or a credential', () => {
    const burst = (text: string) => ({ asTyped: text, onUsKeyboard: text });
    expect(presentBurst(burst('7KQ2-M9X1'))).toEqual({ number: '7KQ2M9X1' });
    expect(presentBurst(burst(CREDENTIAL))).toEqual({ credential: CREDENTIAL });
    expect(presentBurst(burst('9780000000002'))).toEqual({ credential: '9780000000002' });
  });

  test('survives Caps Lock', () => {
    const burst = { asTyped: CREDENTIAL.toLowerCase(), onUsKeyboard: CREDENTIAL };
    expect(presentBurst(burst)).toEqual({ credential: CREDENTIAL });
  });

  test('is the pairing link too, whatever the keyboard made of it', () => {
    const link = 'HTTPS://PASS.EXAMPLE/CHECKIN/GATE/#CODE=7H3K-PQ2M';
    const burst = { asTyped: 'httpsÖ--pass.example-checkin-gate-§code´7h3k', onUsKeyboard: link };
    expect(presentBurst(burst)).toEqual({ credential: link });
  });

  test('survives a Swiss keyboard, where a scanner’s keys say something else', () => {
    const wedge = new Wedge();
    const swiss: [string, string, boolean][] = [
      ['ç', 'Digit4', true],
      ['Z', 'KeyY', true],
      ['ö', 'Semicolon', true],
      ["'", 'Minus', false],
    ];
    let at = 0;
    for (let round = 0; round < 20; round += 1) {
      for (const [key, keyCode, shift] of swiss) {
        wedge.press({ key, code: keyCode, shift, at });
        at += 5;
      }
    }
    const burst = wedge.press({ key: 'Enter', code: 'Enter', shift: false, at });
    expect(burst && presentBurst(burst)).toEqual({ credential: '$Y:-'.repeat(20) });
  });
});
