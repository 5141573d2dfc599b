import type { Direction, Forum, Gate, ScanAnswer } from '../contract';
import { answerTo, transact } from './database';

/**
 * What this device keeps of itself through a reload: who it is, where it stands and which way, and
 * how many passed it today. Nothing here names a participant.
 */
export interface Device {
  readonly deviceId: string;
  readonly token: string;
  readonly gate: string;
  readonly direction: Direction | null;
}

/** The forum and its time as the server told them last, for a start without it. */
export interface KeptForum {
  readonly forum: Forum;
  /** Milliseconds from the device's clock to the forum's */
  readonly offset: number;
}

export interface Tally {
  readonly day: string;
  readonly admitted: number;
  readonly departed: number;
  readonly refused: number;
}

export const NO_TALLY: Tally = { day: '', admitted: 0, departed: 0, refused: 0 };

/** The day's numbers with one more answer: whoever left was not let in. */
export function counted(tally: Tally, answer: ScanAnswer): Tally {
  const what = column(answer);
  return { ...tally, [what]: tally[what] + 1 };
}

/** The day's numbers once an answer is undone. */
export function uncounted(tally: Tally, answer: ScanAnswer): Tally {
  const what = column(answer);
  // What the server corrected meanwhile stands in another column.
  return { ...tally, [what]: Math.max(0, tally[what] - 1) };
}

function column({ decision, reason }: ScanAnswer): Exclude<keyof Tally, 'day'> {
  return reason === 'departed' ? reason : decision;
}

// What must be there after a power cut is in the browser's database: localStorage is written to the
// disk seconds later, and by then a pairing code that works once is spent.
const DEVICE = 'device';
const FORUM = 'forum';
const TALLY = 'forumpass.tally';
const CAMERA = 'forumpass.camera';
const ZOOM = 'forumpass.zoom';
const MUTED = 'forumpass.muted';

export const paired = {
  recall: async (): Promise<Device | null> => (await read<Device>(DEVICE)) ?? moved(),
  keep: (device: Device): Promise<void> => write(DEVICE, device),
};

export const forum = {
  recall: (): Promise<KeptForum | null> => read<KeptForum>(FORUM),
  keep: (kept: KeptForum): Promise<void> => write(FORUM, kept),
};

export const tally = {
  recall: (): Tally => {
    const kept = localStorage.getItem(TALLY);
    return { ...NO_TALLY, ...(JSON.parse(kept ?? '{}') as Partial<Tally>) };
  },
  keep: (counted: Tally): void => localStorage.setItem(TALLY, JSON.stringify(counted)),
};

export async function wipe(): Promise<void> {
  localStorage.removeItem(TALLY);
  await transact(['device'], 'readwrite', (transaction) => {
    transaction.objectStore('device').clear();
  });
}

async function read<Kept>(what: string): Promise<Kept | null> {
  const kept = await transact(['device'], 'readonly', (transaction) =>
    answerTo<Kept | undefined>(transaction.objectStore('device').get(what)),
  );
  return kept ?? null;
}

async function write(what: string, kept: Device | KeptForum): Promise<void> {
  await transact(['device'], 'readwrite', (transaction) => {
    transaction.objectStore('device').put(kept, what);
  });
}

const OLD_DEVICE = 'forumpass.device';
const OLD_FORUM = 'forumpass.forum';

/** The pairing from where the app kept it before: a device that is paired stays so. */
async function moved(): Promise<Device | null> {
  const device = localStorage.getItem(OLD_DEVICE);
  const kept = localStorage.getItem(OLD_FORUM);
  if (kept !== null) await forum.keep(named(JSON.parse(kept) as KeptForum));
  if (device !== null) await paired.keep(JSON.parse(device) as Device);
  localStorage.removeItem(OLD_DEVICE);
  localStorage.removeItem(OLD_FORUM);
  return read<Device>(DEVICE);
}

type OldGate = Omit<Gate, 'names'> & { readonly name: string; readonly names?: Gate['names'] };

/** Gates had one name then, not one a language. */
function named({ forum, offset }: KeptForum): KeptForum {
  const gates = (forum.gates as readonly OldGate[]).map((gate) => ({
    ...gate,
    names: gate.names ?? { en: gate.name },
  }));
  return { forum: { ...forum, gates }, offset };
}

export const camera = {
  recall: (): string | null => localStorage.getItem(CAMERA),
  keep: (id: string): void => localStorage.setItem(CAMERA, id),
};

export const muted = {
  recall: (): boolean => localStorage.getItem(MUTED) === 'yes',
  keep: (value: boolean): void => localStorage.setItem(MUTED, value ? 'yes' : 'no'),
};

/** Of each camera, by its id: how much larger than usual it shows what is before it. */
export const zoom = {
  recall: (cameraId: string): number | null => zooms()[cameraId] ?? null,
  keep: (cameraId: string, zoom: number): void =>
    localStorage.setItem(ZOOM, JSON.stringify({ ...zooms(), [cameraId]: zoom })),
};

function zooms(): Readonly<Record<string, number>> {
  return JSON.parse(localStorage.getItem(ZOOM) ?? '{}') as Record<string, number>;
}
