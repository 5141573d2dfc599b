import type { Direction } from '../contract';

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

export const camera = {
  recall: (): string | null => localStorage.getItem(CAMERA),
  keep: (id: string): void => localStorage.setItem(CAMERA, id),
};

export const muted = {
  recall: (): boolean => localStorage.getItem(MUTED) === 'yes',
  keep: (value: boolean): void => localStorage.setItem(MUTED, value ? 'yes' : 'no'),
};
