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

/** @throws CutOff */
export async function readChanges(
  lines: AsyncIterable<string>,
  heardKeys: (keys: readonly Key[]) => void = () => {},
): Promise<Changes> {
  let full = false;
  const keys: Key[] = [];
  const badges: CopiedBadge[] = [];
  const presence: Whereabouts[] = [];
  for await (const text of lines) {
    const line = parsed(text);
    if (!line) continue;
    switch (line.kind) {
      case 'begin':
        full = line.full;
        break;
      case 'key':
        keys.push(bare(line));
        // They come first, and are of use alone: a signature can be checked without the people.
        heardKeys(keys);
        break;
      case 'badge':
        badges.push(bare(line));
        break;
      case 'presence':
        presence.push(bare(line));
        break;
      case 'end':
        return { full, keys, badges, presence, cursor: line.cursor };
    }
  }
  throw new CutOff();
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
