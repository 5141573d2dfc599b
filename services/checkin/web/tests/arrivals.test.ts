import { describe, expect, test } from 'vitest';
import { arrivals, insideCurve, minuteOf, peak, stacked, timeOf } from '../src/live/arrivals';

const at = minuteOf;

describe('the columns of arrivals', () => {
  const tower = { '08:00': 4, '08:03': 6 };

  test('fill quiet minutes and run on to now', () => {
    const drawn = arrivals({ tower }, ['tower'], at('08:40'), null);
    expect(drawn.width).toBe(1);
    expect(drawn.minutes[0]).toBe(at('08:00'));
    expect(drawn.minutes.at(-1)).toBe(at('08:40'));
    expect(drawn.series[0]?.slice(0, 5)).toEqual([4, 0, 0, 6, 0]);
  });

  test('stand in the order of the entrances, also of one where nobody came', () => {
    const drawn = arrivals({ tower, varembe: { '08:03': 1 } }, ['varembe', 'none', 'tower'], 0, null);
    expect(drawn.series.map((values) => values.at(-1))).toEqual([1, 0, 6]);
  });

  test('are wider over a long day, and count arrivals a minute still', () => {
    const drawn = arrivals({ tower: { '08:00': 10, '08:04': 5 } }, ['tower'], at('14:59'), null);
    expect(drawn.width).toBe(5);
    expect(drawn.minutes).toHaveLength(84);
    expect(drawn.series[0]?.[0]).toBe(3);
  });

  test('of the last hour leave out what came before', () => {
    const drawn = arrivals({ tower: { '08:00': 9, '09:30': 2 } }, ['tower'], at('10:00'), 60);
    expect(drawn.minutes).toHaveLength(60);
    expect(drawn.series[0]?.reduce((sum, n) => sum + n, 0)).toBe(2);
  });

  test('are at least half an hour', () => {
    expect(arrivals({ tower: { '08:10': 1 } }, ['tower'], at('08:10'), null).minutes).toHaveLength(30);
  });

  test('are none before anybody came', () => {
    expect(arrivals({}, ['tower'], at('08:00'), null).minutes).toEqual([]);
  });

  test('stand on each other', () => {
    expect(stacked([[1, 2], [3, 0], [0, 5]])).toEqual([[1, 2], [4, 2], [4, 7]]);
  });
});

test('the busiest minute is the first of them', () => {
  const found = peak({ '09:00': 34, '08:41': 34, '08:00': 5 });
  expect(found && [timeOf(found.minute), found.arrivals]).toEqual(['08:41', 34]);
  expect(peak({})).toBeNull();
});

describe('the curve of who is inside', () => {
  test('keeps its height while nothing changes', () => {
    const { minutes, inside } = insideCurve({ '08:02': 7, '08:00': 3 }, at('08:04'));
    expect(minutes.map(timeOf)).toEqual(['07:59', '08:00', '08:01', '08:02', '08:03', '08:04']);
    expect(inside).toEqual([0, 3, 3, 7, 7, 7]);
  });

  test('is none before anybody came', () => {
    expect(insideCurve({}, at('08:00'))).toEqual({ minutes: [], inside: [] });
  });
});
