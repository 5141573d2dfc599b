import { Unreachable } from '../http';
import * as api from './api';
import { CutOff, readChanges } from './changes';
import { type Changes, Copy, type CopiedBadge, type Head } from './copy';
import { answerTo, transact } from './database';
import { linesOf } from './lines';
import type { Whereabouts } from './presence';
import { Silence } from './silence';

// While one chunk of rows is written the next waits, so that the screen and the camera get a turn.
const ROWS_AT_ONCE = 500;
const SILENCE_MS = 20_000;

/** The copy of the people, kept through reloads and brought up to date from the server. */
export class Replica {
  readonly copy = new Copy();

  #updating: Promise<void> | null = null;
  #stale = false;
  #silence: Silence | null = null;
  #stopped = false;

  /** Takes what was kept into memory. */
  async load(): Promise<void> {
    const kept = await transact(['badges', 'presence', 'copy'], 'readonly', async (transaction) => {
      const head = answerTo<Head | undefined>(transaction.objectStore('copy').get('head'));
      const badges = answerTo<CopiedBadge[]>(transaction.objectStore('badges').getAll());
      const presence = answerTo<Whereabouts[]>(transaction.objectStore('presence').getAll());
      return { head: await head, badges: await badges, presence: await presence };
    });
    if (!kept.head) return;
    const { keys, cursor, contactAt } = kept.head;
    const { badges, presence } = kept;
    this.copy.apply({ full: true, keys, badges, presence, cursor: cursor ?? '' }, contactAt ?? 0);
    this.copy.head = kept.head;
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
    await transact(['presence'], 'readwrite', async (transaction) => {
      await putAll(transaction.objectStore('presence'), places);
    });
  }

  async #updateUntilFresh(token: string): Promise<void> {
    while (this.#stale) {
      this.#stale = false;
      const changes = await this.#ask(token);
      if (this.#stopped) return;
      this.copy.apply(changes, Date.now());
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
export async function keep(changes: Changes, head: Head): Promise<void> {
  await transact(['badges', 'presence', 'copy'], 'readwrite', async (transaction) => {
    const badges = transaction.objectStore('badges');
    const presence = transaction.objectStore('presence');
    if (changes.full) {
      badges.clear();
      presence.clear();
    }
    await putAll(badges, changes.badges);
    await putAll(presence, changes.presence);
    transaction.objectStore('copy').put(head, 'head');
  });
}

async function putAll(store: IDBObjectStore, rows: readonly unknown[]): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const requests = rows.slice(from, from + ROWS_AT_ONCE).map((row) => store.put(row));
    const last = requests.at(-1);
    if (last) await answerTo(last);
  }
}
