/**
 * What the gate keeps in the browser's own database, through reload, crash and reboot. All of it is
 * personal data: `wipeDatabase` leaves nothing.
 */

const NAME = 'forumpass-gate';
const VERSION = 1;

export const STORES = ['blocks', 'badges', 'presence', 'copy', 'outgoing'] as const;
type Store = (typeof STORES)[number];

let opened: Promise<IDBDatabase> | null = null;

export function openDatabase(): Promise<IDBDatabase> {
  opened ??= open();
  return opened;
}

/** Runs `work` in one transaction, which is done when the promise is. */
export async function transact<Result>(
  stores: readonly Store[],
  mode: IDBTransactionMode,
  work: (transaction: IDBTransaction) => Result | Promise<Result>,
): Promise<Result> {
  const database = await openDatabase();
  // A scan that was shown must outlive the battery; the rest can be had anew.
  const durability = stores.includes('outgoing') ? 'strict' : 'relaxed';
  const transaction = database.transaction(stores, mode, { durability });
  const done = completion(transaction);
  try {
    const result = await work(transaction);
    await done;
    return result;
  } catch (error) {
    abort(transaction);
    await done.catch(() => {});
    throw error;
  }
}

export function answerTo<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new DOMException('Unknown'));
  });
}

export function wipeDatabase(): Promise<void> {
  return transact(STORES, 'readwrite', (transaction) => {
    for (const store of STORES) transaction.objectStore(store).clear();
  });
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('blocks');
    request.result.createObjectStore('badges', { keyPath: 'badge_id' });
    request.result.createObjectStore('presence', { keyPath: ['registration_id', 'zone'] });
    request.result.createObjectStore('copy');
    request.result.createObjectStore('outgoing', { keyPath: 'seq' });
  };
  const database = await answerTo(request);
  const forget = () => (opened = null);
  // A newer version of the app, or the browser clearing its storage, needs it closed.
  database.onversionchange = () => {
    database.close();
    forget();
  };
  database.onclose = forget;
  return database;
}

function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException('Aborted'));
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
}
