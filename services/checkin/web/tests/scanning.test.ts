import { describe, expect, test } from 'vitest';
import { ForumClock } from '../src/forum-clock';
import { isPairingLink, pairingCode } from '../src/gate/pairing-code';
import { Repeats } from '../src/gate/repeats';
import { uuid7 } from '../src/gate/uuid7';

describe('the three-second rule', () => {
  test('makes one scan of a badge that stays before the camera', () => {
    const repeats = new Repeats();
    const began = [];
    for (let now = 0; now <= 20_000; now += 100) began.push(repeats.begins('badge', now));
    expect(began.filter(Boolean)).toHaveLength(1);
  });

  test('lets the badge count anew after three seconds out of sight', () => {
    const repeats = new Repeats();
    expect(repeats.begins('badge', 0)).toBe(true);
    expect(repeats.begins('badge', 3000)).toBe(false);
    expect(repeats.begins('badge', 6001)).toBe(true);
  });

  test('holds for each badge by itself', () => {
    const repeats = new Repeats();
    expect(repeats.begins('first', 0)).toBe(true);
    expect(repeats.begins('second', 100)).toBe(true);
    expect(repeats.begins('first', 200)).toBe(false);
  });

  test('is forgotten when the gate turns round', () => {
    const repeats = new Repeats();
    repeats.begins('badge', 0);
    repeats.forget();
    expect(repeats.begins('badge', 100)).toBe(true);
  });
});

describe('a scan’s id', () => {
  test('is a UUID of version 7 that begins with its time', () => {
    // The example of RFC 9562, appendix A.6.
    const random = Uint8Array.of(0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f);
    expect(uuid7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  test('is never the same twice and sorts by time', () => {
    expect(uuid7(1)).not.toBe(uuid7(1));
    expect(uuid7(1_497_247_920_000) < uuid7(1_497_247_920_001)).toBe(true);
    expect(uuid7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('a pairing code', () => {
  test('is found in the link, in the link’s QR and by itself', () => {
    expect(pairingCode('https://pass.example/checkin/gate/#code=7H3K-PQ2M')).toBe('7H3K-PQ2M');
    expect(pairingCode('#code=abc_1')).toBe('abc_1');
    expect(pairingCode('  7H3K PQ2M ')).toBe('7H3KPQ2M');
  });

  test('is found in capitals, as some scanners type', () => {
    expect(pairingCode('HTTPS://PASS.EXAMPLE/CHECKIN/GATE/#CODE=7H3K-PQ2M')).toBe('7H3K-PQ2M');
  });

  test('that is held up to a paired device is known from a badge', () => {
    expect(isPairingLink('https://pass.example/checkin/gate/#code=7H3K-PQ2M')).toBe(true);
    expect(isPairingLink('HTTPS://PASS.EXAMPLE/CHECKIN/GATE/#CODE=7H3K-PQ2M')).toBe(true);
    expect(isPairingLink('https://example.org/#code=7H3K-PQ2M')).toBe(false);
    expect(isPairingLink('7KQ2-M9X1')).toBe(false);
  });

  test('is not found in other codes', () => {
    expect(pairingCode('https://example.org/')).toBeNull();
    expect(pairingCode('https://example.org/#top')).toBeNull();
    expect(pairingCode('   ')).toBeNull();
  });
});

describe('the forum’s clock', () => {
  const clock = ForumClock.set('2017-06-12T08:12:00+02:00', 'Europe/Zurich', 1000, 1200);

  test('is set by the middle of the round trip and runs on', () => {
    expect(clock.now(1100).toISOString()).toBe('2017-06-12T06:12:00.000Z');
    expect(clock.now(61_100).toISOString()).toBe('2017-06-12T06:13:00.000Z');
  });

  test('tells Geneva’s time wherever the device thinks it is', () => {
    expect(clock.time('2017-06-12T22:30:00Z')).toBe('00:30');
    expect(clock.day('2017-06-12T22:30:00Z')).toBe('2017-06-13');
  });
});
