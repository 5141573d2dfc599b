import type { Attendance, Forum, Room, StaffMember } from '../contract';
import { call, Declined } from '../http';
import type { Changes } from './room';

const BASE = '/checkin/api';
const REOPEN_AFTER_MS = 1500;
// The server's heart beats every five seconds.
const QUIET_MS = 11_000;
const UNAUTHORIZED = 401;

export type Connection = 'connecting' | 'live' | 'lost';

export interface Listener {
  whole(room: Room): void;
  changes(changes: Changes): void;
  /** Something came, if only a beat. */
  heard(): void;
  connection(state: Connection): void;
  /** The session has ended; signing in again is the page's business. */
  signedOut(): void;
}

export function readForum(): Promise<Forum> {
  return call(`${BASE}/forum`);
}

export function readStaff(): Promise<StaffMember> {
  return call(`${BASE}/me`);
}

/** @param until a time at the venue, 14:30; the whole day without */
export function lookBack(day: string, until: string): Promise<Attendance> {
  const asked = new URLSearchParams(until ? { day, until } : { day });
  return call(`${BASE}/attendance?${asked}`, { patienceMs: 30_000 });
}

export function acknowledge(alert: string): Promise<unknown> {
  return call(`${BASE}/alerts/${alert}/acknowledge`, { method: 'POST' });
}

export function moveDevice(device: string, gate: string): Promise<unknown> {
  return call(`${BASE}/devices/${device}`, { method: 'PATCH', body: { gate } });
}

export function stopDevice(device: string): Promise<unknown> {
  return call(`${BASE}/devices/${device}/revoke`, { method: 'POST' });
}

/**
 * Follows the control room until stopped, through every break of the line. After each it has the
 * whole anew, from whichever server answers: who was erased meanwhile has no name in it.
 */
export function watch(listener: Listener): () => void {
  let source: EventSource | null = null;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    clearTimeout(reopening);
    source = new EventSource(`${BASE}/live`);
    source.addEventListener('room', (event) => {
      listener.whole(JSON.parse(heard(event)) as Room);
      listener.connection('live');
    });
    source.addEventListener('changes', (event) => {
      listener.changes(JSON.parse(heard(event)) as Changes);
    });
    source.addEventListener('beat', heard);
    source.onerror = lost;
    listenToSilence();
  }

  function heard({ data }: MessageEvent<string>): string {
    listenToSilence();
    listener.heard();
    return data;
  }

  // A line that is cut without a word stays open for minutes.
  function listenToSilence(): void {
    clearTimeout(silence);
    silence = setTimeout(lost, QUIET_MS);
  }

  // The browser's own way to open anew gives up after an error status.
  function lost(): void {
    close();
    listener.connection('lost');
    void ask();
    reopening = setTimeout(open, REOPEN_AFTER_MS);
  }

  async function ask(): Promise<void> {
    try {
      await readStaff();
    } catch (error) {
      if (error instanceof Declined && error.status === UNAUTHORIZED) listener.signedOut();
    }
  }

  function close(): void {
    source?.close();
    clearTimeout(silence);
    clearTimeout(reopening);
  }

  open();
  return close;
}
