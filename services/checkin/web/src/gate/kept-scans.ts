import type { Participant, ScanAnswer } from '../contract';
import { answerTo, transact } from './database';
import type { Scan } from './scans';

/** The last scans as they are kept through a reload: without names, and without what opens a gate. */
interface KeptScan extends Omit<Scan, 'presented' | 'who' | 'answer'> {
  readonly badgeId: string | null;
  /** As it was typed, of a badge that nobody knows */
  readonly number: string | null;
  readonly answer: Omit<ScanAnswer, 'participant'> | null;
}

const MOST = 20;
const KEY = 'scans';

/** Whose badge it is, by the device's own copy: who was erased there has no name here either. */
export type Naming = (badgeId: string) => Participant | undefined;

/** The last scans, newest first. */
export class KeptScans {
  #latest: readonly Scan[] | null = null;
  #busy = false;
  #stopped = false;
  #written: Promise<void> = Promise.resolve();

  async recall(naming: Naming): Promise<Scan[]> {
    const kept = await transact(['recent'], 'readonly', (transaction) =>
      answerTo<readonly KeptScan[] | undefined>(transaction.objectStore('recent').get(KEY)),
    );
    return (kept ?? []).map((scan) => named(scan, naming));
  }

  /** Writes them once the disk has what it was given before; nobody waits for it. */
  keep(scans: readonly Scan[]): void {
    if (this.#stopped) return;
    this.#latest = scans;
    // A full disk costs what a reload would show, and no scan.
    if (!this.#busy) this.#written = this.#write().catch(() => {});
  }

  /** Done when nothing is being written any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#written;
  }

  async #write(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#latest) {
        const kept = this.#latest.filter(({ answer, fault }) => answer ?? fault);
        this.#latest = null;
        await transact(['recent'], 'readwrite', (transaction) => {
          transaction.objectStore('recent').put(kept.slice(0, MOST).map(unnamed), KEY);
        });
      }
    } finally {
      this.#busy = false;
    }
  }
}

function unnamed({ presented, who, answer, ...scan }: Scan): KeptScan {
  const person = answer?.participant ?? who;
  const typed = 'number' in presented ? presented.number : null;
  const number = person ? null : typed;
  if (!answer) return { ...scan, badgeId: person?.badge_id ?? null, number, answer };
  const { participant, ...said } = answer;
  return { ...scan, badgeId: person?.badge_id ?? null, number, answer: said };
}

function named({ badgeId, number, answer, ...scan }: KeptScan, naming: Naming): Scan {
  const who = (badgeId === null ? undefined : naming(badgeId)) ?? null;
  const presented = number === null ? { credential: '' } : { number };
  return { ...scan, presented, who, answer: answer && { ...answer, participant: who } };
}
