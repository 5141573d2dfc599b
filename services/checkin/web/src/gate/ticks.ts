import { answerTo, transact } from './database';

interface Kept {
  /** The day whose closing ends the presence of those who were looked for */
  readonly session: string;
  readonly found: readonly string[];
}

const KEY = 'ticks';

/** Who was found outside, as ticked on this device; kept through a reload, and wiped with the copy. */
export async function recall(session: string): Promise<ReadonlySet<string>> {
  const kept = await transact(['copy'], 'readonly', (transaction) =>
    answerTo<Kept | undefined>(transaction.objectStore('copy').get(KEY)),
  );
  return new Set(kept?.session === session ? kept.found : []);
}

export async function keep(session: string, found: ReadonlySet<string>): Promise<void> {
  await transact(['copy'], 'readwrite', (transaction) => {
    transaction.objectStore('copy').put({ session, found: [...found] } satisfies Kept, KEY);
  });
}
