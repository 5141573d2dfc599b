import type { Device } from '../contract';

export type Contact = 'online' | 'silent' | 'off';

// Devices tell how they are every 20 seconds.
const SILENT_MS = 60_000;

/** @param isToday whether a moment falls on the forum's today */
export function contactOf(device: Device, now: Date, isToday: (at: string) => boolean): Contact {
  const last = device.last_contact_at;
  if (last === null || !isToday(last)) return 'off';
  return now.getTime() - Date.parse(last) > SILENT_MS ? 'silent' : 'online';
}
