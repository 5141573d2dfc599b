/** The curves of a day, from counts a minute: pure, for the charts to draw. */

type Count = Readonly<Record<string, number>>;

/** Columns of a chart: each covers some minutes, and has a value for every entrance. */
export interface Arrivals {
  /** Minutes since midnight at which each column begins */
  readonly minutes: readonly number[];
  /** Minutes that a column covers */
  readonly width: number;
  /** Arrivals a minute, by entrance, in the order that was asked for */
  readonly series: readonly (readonly number[])[];
}

export interface Peak {
  readonly minute: number;
  readonly arrivals: number;
}

export interface Inside {
  readonly minutes: readonly number[];
  readonly inside: readonly number[];
}

const MOST_COLUMNS = 90;
const WIDTHS = [1, 2, 5, 10, 15, 30];
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
 * @param byEntrance arrivals by entrance and time, as in {"tower": {"08:12": 4}}
 * @param entrances which ones, in the order of their colours
 * @param until the last minute to draw, so that a lull shows as one
 * @param span how many minutes back; the whole day if null
 */
export function arrivals(
  byEntrance: Readonly<Record<string, Count>>,
  entrances: readonly string[],
  until: number,
  span: number | null,
): Arrivals {
  const all = Object.values(byEntrance).flatMap((counts) => Object.keys(counts).map(minuteOf));
  if (all.length === 0) return { minutes: [], width: 1, series: entrances.map(() => []) };
  const last = Math.max(until, ...all);
  const earliest = span === null ? Math.min(...all, last - SHORTEST_SPAN + 1) : last - span + 1;
  const length = last - Math.max(0, earliest) + 1;
  const width = WIDTHS.find((minutes) => length / minutes <= MOST_COLUMNS) ?? 60;
  const first = Math.floor(Math.max(0, earliest) / width) * width;
  const columns = Math.floor((last - first) / width) + 1;
  const series = entrances.map((entrance) => {
    const values = Array.from({ length: columns }, () => 0);
    for (const [time, count] of Object.entries(byEntrance[entrance] ?? {})) {
      const column = Math.floor((minuteOf(time) - first) / width);
      if (column >= 0) values[column] = (values[column] ?? 0) + count / width;
    }
    return values;
  });
  return { minutes: Array.from({ length: columns }, (_, i) => first + i * width), width, series };
}

/** Each series on top of those before it. */
export function stacked(series: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const sums: number[][] = [];
  for (const values of series) {
    const below = sums.at(-1);
    sums.push(values.map((value, i) => value + (below?.[i] ?? 0)));
  }
  return sums;
}

export function peak(byMinute: Count): Peak | null {
  const times = Object.entries(byMinute).sort(([a], [b]) => a.localeCompare(b));
  const most = Math.max(0, ...times.map(([, count]) => count));
  const found = times.find(([, count]) => count === most);
  return most === 0 || !found ? null : { minute: minuteOf(found[0]), arrivals: most };
}

/**
 * How many were inside at every minute, from the minutes in which that changed.
 *
 * @param until the last minute to draw
 */
export function insideCurve(byMinute: Count, until: number): Inside {
  const known = new Map(Object.entries(byMinute).map(([time, n]) => [minuteOf(time), n]));
  if (known.size === 0) return { minutes: [], inside: [] };
  const last = Math.max(until, ...known.keys());
  const first = Math.max(0, Math.min(...known.keys()) - 1);
  const minutes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  let now = 0;
  const inside = minutes.map((minute) => (now = known.get(minute) ?? now));
  return { minutes, inside };
}
