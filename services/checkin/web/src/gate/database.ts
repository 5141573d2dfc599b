/**
 * What the gate keeps in the browser's own database, through reload, crash and reboot: of people,
 * which `wipePeople` leaves nothing of, and of the device itself.
 */

const NAME = 'forumpass-gate';
const VERSION = 3;

const OF_PEOPLE = [
  'blocks',
  'badges',
  'presence',
  'copy',
  'outgoing',
  'recent',
  'photos',
] as const;
type Store = (typeof OF_PEOPLE)[number] | 'device';

const KEY_PATHS: Readonly<Record<Store, string | string[] | null>> = {
  blocks: null,
  badges: 'badge_id',
  presence: ['registration_id', 'zone'],
  copy: null,
  outgoing: 'seq',
  recent: null,
  photos: null,
  device: null,
};
// A scan that was shown and a pairing that was made must outlive the battery, even by a second; the
// rest can be had anew.
const LASTING: readonly Store[] = ['outgoing', 'device'];

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
  const durability = stores.some((store) => LASTING.includes(store)) ? 'strict' : 'relaxed';
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

export function wipePeople(): Promise<void> {
  return transact(OF_PEOPLE, 'readwrite', (transaction) => {
    for (const store of OF_PEOPLE) transaction.objectStore(store).clear();
  });
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    const database = request.result;
    for (const [store, keyPath] of Object.entries(KEY_PATHS)) {
      if (!database.objectStoreNames.contains(store)) database.createObjectStore(store, { keyPath });
    }
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
