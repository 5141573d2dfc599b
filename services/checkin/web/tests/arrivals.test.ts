import { describe, expect, test } from 'vitest';
import { curve, minuteOf, peak, timeOf } from '../src/live/arrivals';

describe('the curve of arrivals', () => {
  test('fills quiet minutes and runs on to now', () => {
    const drawn = curve({ '08:00': 4, '08:03': 6 }, minuteOf('08:40'));
    expect(drawn.minutes[0]).toBe(minuteOf('08:00'));
    expect(drawn.minutes.at(-1)).toBe(minuteOf('08:40'));
    expect(drawn.arrivals.slice(0, 5)).toEqual([4, 0, 0, 6, 0]);
    expect(drawn.arrivals.reduce((sum, n) => sum + n, 0)).toBe(10);
  });

  test('shows the mean of five minutes, of fewer at the start', () => {
    const { mean } = curve({ '08:00': 5, '08:01': 10 }, minuteOf('08:30'));
    expect(mean.slice(0, 7)).toEqual([5, 7.5, 5, 3.75, 3, 2, 0]);
  });

  test('is at least half an hour wide', () => {
    const { minutes } = curve({ '08:10': 1 }, minuteOf('08:10'));
    expect(minutes).toHaveLength(31);
    expect(minutes[0]).toBe(minuteOf('07:40'));
  });

  test('names the busiest minute', () => {
    const found = peak(curve({ '08:00': 5, '08:41': 34, '09:00': 34 }, minuteOf('09:30')));
    expect(found && [timeOf(found.minute), found.arrivals]).toEqual(['08:41', 34]);
  });

  test('is empty before anybody came', () => {
    const empty = curve({}, minuteOf('08:00'));
    expect(empty.minutes).toHaveLength(0);
    expect(peak(empty)).toBeNull();
  });
});
