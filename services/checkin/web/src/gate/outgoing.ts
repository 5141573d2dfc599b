/** What waits for the server: scans, undoings and corrections, in the order they were made. */

import type { Decision, Gate, Reason, ScanAnswer, ScanRequest } from '../contract';
import { answerTo, transact } from './database';
import type { Step } from './presence';

interface Waiting {
  /** Its place in the order */
  readonly seq: number;
  /** What it changes until the server says so itself; null for nothing */
  readonly step: Step | null;
}

export interface OutgoingScan extends Waiting {
  readonly kind: 'scan';
  readonly scan: ScanRequest;
  /** Where it was made, wherever the device stands by now */
  readonly gate: Gate;
  /** What the officer was told; null while the server is still being asked */
  readonly told: ScanAnswer | null;
}

export interface OutgoingUndo extends Waiting {
  readonly kind: 'undo';
  readonly scanId: string;
  readonly reason: string;
  /** When it was done; not known of one that an earlier version of the app kept */
  readonly undoneAt?: string;
}

export interface OutgoingShown extends Waiting {
  readonly kind: 'shown';
  readonly scanId: string;
  readonly decision: Decision;
  readonly reason: Reason;
}

export type Outgoing = OutgoingScan | OutgoingUndo | OutgoingShown;

/** Where entries wait through a reload. Each promise is done when the disk has it. */
export interface OutgoingStore {
  load(): Promise<Outgoing[]>;
  put(entry: Outgoing): Promise<void>;
  remove(seqs: readonly number[]): Promise<void>;
}

export const outgoingStore: OutgoingStore = {
  load: () =>
    transact(['outgoing'], 'readonly', (transaction) =>
      answerTo<Outgoing[]>(transaction.objectStore('outgoing').getAll()),
    ),
  put: (entry) =>
    transact(['outgoing'], 'readwrite', (transaction) => {
      transaction.objectStore('outgoing').put(entry);
    }),
  remove: (seqs) =>
    transact(['outgoing'], 'readwrite', (transaction) => {
      for (const seq of seqs) transaction.objectStore('outgoing').delete(seq);
    }),
};
