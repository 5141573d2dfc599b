import type { Attendance, Forum, StaffMember } from '../contract';
import { call, Declined } from '../http';

const BASE = '/checkin/api';
const REOPEN_AFTER_MS = 3000;
const UNAUTHORIZED = 401;

export type Connection = 'connecting' | 'live' | 'lost';

export interface Listener {
  attendance(figures: Attendance): void;
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

/** Follows the figures until stopped: the stream, and a fresh reading whenever it begins anew. */
export function follow(listener: Listener): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  async function read(): Promise<void> {
    try {
      listener.attendance(await call<Attendance>(`${BASE}/attendance`));
    } catch (error) {
      if (error instanceof Declined && error.status === UNAUTHORIZED) listener.signedOut();
      // Anything else shows as a lost connection by the stream itself.
    }
  }

  function open(): void {
    if (stopped) return;
    source = new EventSource(`${BASE}/attendance/stream`);
    source.onopen = () => {
      listener.connection('live');
      void read();
    };
    source.addEventListener('attendance', ({ data }: MessageEvent<string>) => {
      listener.attendance(JSON.parse(data) as Attendance);
    });
    source.onerror = () => {
      listener.connection('lost');
      // It reconnects by itself after a broken line, but gives up after an error status.
      if (source?.readyState !== EventSource.CLOSED) return;
      void read();
      timer = setTimeout(open, REOPEN_AFTER_MS);
    };
  }

  void read();
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  };
}
