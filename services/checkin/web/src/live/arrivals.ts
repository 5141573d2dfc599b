/** The curve of a day's arrivals, from counts a minute: pure, for the chart to draw. */

export interface Curve {
  /** Minutes since midnight, one after the other */
  readonly minutes: readonly number[];
  readonly arrivals: readonly number[];
  /** Over the five minutes that end with each */
  readonly mean: readonly number[];
}

export interface Peak {
  readonly minute: number;
  readonly arrivals: number;
}

const MEAN_OVER = 5;
const SHORTEST_SPAN = 30;

export function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

export function timeOf(minute: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(minute / 60) % 24)}:${two(minute % 60)}`;
}

/**
 * @param byMinute arrivals by time, as in {"08:12": 4}; quiet minutes are left out of it
 * @param until the last minute to draw, so that a lull shows as one
 */
export function curve(byMinute: Readonly<Record<string, number>>, until: number): Curve {
  const counted = new Map(Object.entries(byMinute).map(([time, n]) => [minuteOf(time), n]));
  if (counted.size === 0) return { minutes: [], arrivals: [], mean: [] };
  const last = Math.max(until, ...counted.keys());
  const first = Math.max(0, Math.min(...counted.keys(), last - SHORTEST_SPAN));
  const minutes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const arrivals = minutes.map((minute) => counted.get(minute) ?? 0);
  const mean = minutes.map((_, index) => {
    const window = arrivals.slice(Math.max(0, index - MEAN_OVER + 1), index + 1);
    return window.reduce((sum, n) => sum + n, 0) / window.length;
  });
  return { minutes, arrivals, mean };
}

export function peak({ minutes, arrivals }: Curve): Peak | null {
  const most = Math.max(0, ...arrivals);
  const minute = minutes[arrivals.indexOf(most)];
  return most === 0 || minute === undefined ? null : { minute, arrivals: most };
}
