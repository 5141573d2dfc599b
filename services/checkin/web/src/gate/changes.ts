/** The lines of `GET /checkin/api/replica`, read into what they change. */

import type { Changes, CopiedBadge } from './copy';
import type { Key } from './credential';
import type { Whereabouts } from './presence';

type Line =
  | { readonly kind: 'begin'; readonly full: boolean }
  | ({ readonly kind: 'key' } & Key)
  | ({ readonly kind: 'badge' } & CopiedBadge)
  | ({ readonly kind: 'presence' } & Whereabouts)
  | { readonly kind: 'end'; readonly cursor: string };

/** The answer ended before its last line: what it said is not all there is to say. */
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
  #full = false;
  #cursor: string | null = null;

  get done(): Changes | null {
    if (this.#cursor === null) return null;
    return {
      full: this.#full,
      keys: this.keys,
      badges: this.#badges,
      presence: this.#presence,
      cursor: this.#cursor,
    };
  }

  take(text: string): void {
    const line = parsed(text);
    if (!line) return;
    switch (line.kind) {
      case 'begin':
        this.#full = line.full;
        break;
      case 'key':
        this.keys.push(bare(line));
        break;
      case 'badge':
        this.#badges.push(bare(line));
        break;
      case 'presence':
        this.#presence.push(bare(line));
        break;
      case 'end':
        this.#cursor = line.cursor;
    }
  }
}

function parsed(text: string): Line | null {
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text) as Line;
  } catch {
    throw new CutOff();
  }
}

function bare<Item extends { readonly kind: string }>(line: Item): Omit<Item, 'kind'> {
  const { kind, ...item } = line;
  return item;
}
