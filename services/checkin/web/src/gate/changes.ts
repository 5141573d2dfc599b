/** The lines of `GET /checkin/api/replica`, read into what they change; api.py tells their form. */

import { checkSymbol, format } from './badge-number';
import type { Changes, CopiedBadge } from './copy';
import type { Key } from './credential';
import type { Whereabouts } from './presence';

const FORMAT = 2;

type Columns = readonly string[];

interface Beginning {
  readonly format: number;
  readonly full: boolean;
  readonly since: string;
  readonly key: Columns;
  readonly badge: Columns;
  readonly presence: Columns;
}

type Row = Readonly<Record<string, unknown>>;

/**
 * The answer ended before its last line, or is in a form that only another version of this app
 * reads: what it said is not all there is to say.
 */
export class CutOff extends Error {
  override readonly name = 'CutOff';
}

/**
 * @param heardKeys is told the keys, which come first and are of use alone: a signature can be
 *   checked without the people
 * @throws CutOff
 */
export async function readChanges(
  parts: AsyncIterable<readonly string[]>,
  heardKeys: (keys: readonly Key[]) => void = () => {},
): Promise<Changes> {
  const reading = new Reading();
  for await (const lines of parts) {
    const keys = reading.keys.length;
    for (const line of lines) reading.take(line);
    if (reading.keys.length > keys) heardKeys(reading.keys);
    const changes = reading.done;
    if (changes) return changes;
  }
  throw new CutOff();
}

class Reading {
  readonly keys: Key[] = [];
  readonly #badges: CopiedBadge[] = [];
  readonly #presence: Whereabouts[] = [];
  #beginning: Beginning | null = null;
  #since = 0;
  #cursor: string | null = null;
  /** Whose line was the last */
  #registrationId = '';

  get done(): Changes | null {
    if (this.#cursor === null || this.#beginning === null) return null;
    return {
      full: this.#beginning.full,
      keys: this.keys,
      badges: this.#badges,
      presence: this.#presence,
      cursor: this.#cursor,
    };
  }

  take(text: string): void {
    const line = parsed(text);
    if (!line) return;
    switch (line[0]) {
      case 'begin':
        this.#begin(line[1] as Beginning);
        break;
      case 'key':
        this.keys.push(this.#row('key', line) as unknown as Key);
        break;
      case 'badge':
        this.#badges.push(this.#badge(this.#row('badge', line)));
        break;
      case 'presence':
        this.#presence.push(this.#place(this.#row('presence', line)));
        break;
      case 'end':
        this.#cursor = (line[1] as { readonly cursor: string }).cursor;
    }
  }

  #begin(beginning: Beginning): void {
    if (beginning.format !== FORMAT) throw new CutOff();
    this.#beginning = beginning;
    this.#since = Date.parse(beginning.since);
  }

  #row(kind: 'key' | 'badge' | 'presence', line: readonly unknown[]): Row {
    const columns = this.#beginning?.[kind];
    if (!columns) throw new CutOff();
    const row: Record<string, unknown> = {};
    for (let place = 0; place < columns.length; place += 1) {
      row[columns[place] as string] = line[place + 1];
    }
    return row;
  }

  #badge(row: Row): CopiedBadge {
    return {
      ...(row as unknown as CopiedBadge),
      registration_id: this.#whose(row),
      badge_id: hexOf(row['badge_id'] as string),
      number: numberOf(row['number'] as string | null),
    };
  }

  #place(row: Row): Whereabouts {
    const at = row['at'] as number | null;
    return {
      ...(row as unknown as Whereabouts),
      registration_id: this.#whose(row),
      at: at === null ? null : new Date(this.#since + at * 1000).toISOString(),
    };
  }

  #whose(row: Row): string {
    const written = row['registration_id'] as string | null;
    if (written !== null) this.#registrationId = uuidOf(written);
    return this.#registrationId;
  }
}

function parsed(text: string): readonly unknown[] | null {
  if (text.trim() === '') return null;
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    throw new CutOff();
  }
  if (!Array.isArray(line)) throw new CutOff();
  return line;
}

function numberOf(symbols: string | null): string | null {
  return symbols === null ? null : format(symbols + checkSymbol(symbols));
}

function uuidOf(base64: string): string {
  const hex = hexOf(base64);
  return [0, 8, 12, 16, 20]
    .map((from, index, all) => hex.slice(from, all[index + 1]))
    .join('-');
}

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

function hexOf(base64: string): string {
  const octets = atob(base64);
  let hex = '';
  for (let at = 0; at < octets.length; at += 1) hex += HEX[octets.charCodeAt(at)];
  return hex;
}
