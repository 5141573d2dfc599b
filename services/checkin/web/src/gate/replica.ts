import { Unreachable } from '../http';
import * as api from './api';
import { CutOff, readChanges } from './changes';
import { type Block, type Changes, Copy, type CopiedBadge, type Head } from './copy';
import { answerTo, transact } from './database';
import { linesOf } from './lines';
import type { Whereabouts } from './presence';
import { Silence } from './silence';

// Each row that is written alone takes some fifty microseconds: a hundred thousand would take five
// seconds and more. A full answer is kept in blocks, and what changes later in rows that count more.
const ROWS_IN_BLOCK = 1000;
const COPY = ['blocks', 'badges', 'presence', 'copy'] as const;
const SILENCE_MS = 20_000;

/** The copy of the people, kept through reloads and brought up to date from the server. */
export class Replica {
  readonly copy = new Copy();

  readonly #changed: () => void;
  #updating: Promise<void> | null = null;
  #stale = false;
  #silence: Silence | null = null;
  #stopped = false;

  /** @param changed is told when the copy in memory has changed */
  constructor(changed: () => void = () => {}) {
    this.#changed = changed;
  }

  /** Takes what was kept into memory. */
  async load(): Promise<void> {
    const kept = await transact(COPY, 'readonly', async (transaction) => {
      const all = <Row>(store: (typeof COPY)[number]) =>
        answerTo<Row[]>(transaction.objectStore(store).getAll());
      const [head, blocks, badges, presence] = await Promise.all([
        answerTo<Head | undefined>(transaction.objectStore('copy').get('head')),
        all<Block>('blocks'),
        all<CopiedBadge>('badges'),
        all<Whereabouts>('presence'),
      ]);
      return { head, blocks: [...blocks, { badges, presence }] };
    });
    if (kept.head) this.copy.recall(kept.head, kept.blocks);
  }

  /**
   * Asks the server for what has changed; once more if it is told of news meanwhile.
   *
   * @throws Declined or Unreachable, and the copy stays as it was
   */
  update(token: string): Promise<void> {
    this.#stale = true;
    this.#updating ??= this.#updateUntilFresh(token).finally(() => (this.#updating = null));
    return this.#updating;
  }

  /** Writes nothing from now on: what was kept is about to be wiped. */
  stop(): void {
    this.#stopped = true;
    this.#silence?.abort();
  }

  /** Keeps where people stand until the server says it itself. */
  async note(places: readonly Whereabouts[]): Promise<void> {
    if (this.#stopped || places.length === 0) return;
    for (const place of places) this.copy.put(place);
    await transact(['badges', 'presence'], 'readwrite', (transaction) =>
      putRows(transaction, { badges: [], presence: places }),
    );
  }

  async #updateUntilFresh(token: string): Promise<void> {
    while (this.#stale) {
      this.#stale = false;
      const changes = await this.#ask(token);
      if (this.#stopped) return;
      this.copy.apply(changes, Date.now());
      this.#changed();
      await keep(changes, this.copy.head);
    }
  }

  async #ask(token: string): Promise<Changes> {
    const silence = new Silence(SILENCE_MS);
    this.#silence = silence;
    try {
      const stream = await api.readReplica(token, this.copy.head.cursor, silence.signal);
      return await readChanges(silence.watch(linesOf(stream)), (keys) => {
        if (!this.copy.complete) this.copy.head = { ...this.copy.head, keys };
      });
    } catch (error) {
      // A stream that breaks throws whatever its browser calls that.
      const broken = error instanceof CutOff || error instanceof TypeError || silence.broken;
      throw broken ? new Unreachable() : error;
    } finally {
      silence.end();
    }
  }
}

/** All of it or nothing, and the cursor with it. */
async function keep(changes: Changes, head: Head): Promise<void> {
  await transact(COPY, 'readwrite', async (transaction) => {
    if (changes.full) await replaceBlocks(transaction, changes);
    else putRows(transaction, changes);
    transaction.objectStore('copy').put(head, 'head');
  });
}

async function replaceBlocks(transaction: IDBTransaction, changes: Block): Promise<void> {
  for (const store of ['blocks', 'badges', 'presence']) transaction.objectStore(store).clear();
  const rows = Math.max(changes.badges.length, changes.presence.length);
  for (let from = 0; from < rows; from += ROWS_IN_BLOCK) {
    const badges = changes.badges.slice(from, from + ROWS_IN_BLOCK);
    const presence = changes.presence.slice(from, from + ROWS_IN_BLOCK);
    // One after the other, so that the screen and the camera get their turns between.
    await answerTo(transaction.objectStore('blocks').put({ badges, presence }, from));
  }
}

function putRows(transaction: IDBTransaction, { badges, presence }: Block): void {
  for (const badge of badges) transaction.objectStore('badges').put(badge);
  for (const place of presence) transaction.objectStore('presence').put(place);
}
