import type { Direction, Forum } from '../contract';

/**
 * What this device keeps of itself through a reload: who it is, where it stands and which way, and
 * how many it let in today. Nothing here names a participant.
 */
export interface Device {
  readonly deviceId: string;
  readonly token: string;
  readonly gate: string;
  readonly direction: Direction | null;
  readonly tally: Tally;
}

export interface Tally {
  readonly day: string;
  readonly admitted: number;
  readonly refused: number;
}

export const NO_TALLY: Tally = { day: '', admitted: 0, refused: 0 };

const KEY = 'forumpass.device';
const FORUM = 'forumpass.forum';
const CAMERA = 'forumpass.camera';
const MUTED = 'forumpass.muted';

export function recall(): Device | null {
  const kept = localStorage.getItem(KEY);
  return kept === null ? null : (JSON.parse(kept) as Device);
}

export function keep(device: Device): void {
  localStorage.setItem(KEY, JSON.stringify(device));
}

export function wipe(): void {
  localStorage.removeItem(KEY);
}

/** The forum and its time as the server told them last, for a start without it. */
export interface KeptForum {
  readonly forum: Forum;
  /** Milliseconds from the device's clock to the forum's */
  readonly offset: number;
}

export const forum = {
  recall: (): KeptForum | null => {
    const kept = localStorage.getItem(FORUM);
    return kept === null ? null : (JSON.parse(kept) as KeptForum);
  },
  keep: (kept: KeptForum): void => localStorage.setItem(FORUM, JSON.stringify(kept)),
};

export const camera = {
  recall: (): string | null => localStorage.getItem(CAMERA),
  keep: (id: string): void => localStorage.setItem(CAMERA, id),
};

export const muted = {
  recall: (): boolean => localStorage.getItem(MUTED) === 'yes',
  keep: (value: boolean): void => localStorage.setItem(MUTED, value ? 'yes' : 'no'),
};
