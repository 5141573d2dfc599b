import type {
  Decision,
  DeviceReport,
  DeviceState,
  Enrolled,
  Forum,
  Found,
  Marks,
  Reason,
  ScanAnswer,
  ScanProblem,
  ScanRequest,
  SyncedScan,
} from '../contract';
import { call, openStream, Unreachable } from '../http';

const BASE = '/checkin/api';

export function pair(code: string): Promise<Enrolled> {
  return call(`${BASE}/devices`, { method: 'POST', body: { code } });
}

export function readForum(): Promise<Forum> {
  return call(`${BASE}/forum`);
}

/** Says how this device is, and learns where it stands; declined with 401 once it is revoked. */
export function reportDevice(token: string, body: DeviceReport): Promise<DeviceState> {
  return call(`${BASE}/devices/me`, { method: 'PUT', token, body });
}

export function sendScan(token: string, scan: ScanRequest): Promise<ScanAnswer> {
  return call(`${BASE}/scans`, { method: 'POST', token, body: scan });
}

export function undoScan(
  token: string,
  scanId: string,
  reason: string,
  undoneAt?: string,
): Promise<unknown> {
  const path = `${BASE}/scans/${encodeURIComponent(scanId)}/undo`;
  return call(path, { method: 'POST', token, body: { reason, undone_at: undoneAt } });
}

// Two hundred scans take the server a second or so, and a bad link its own time.
const BATCH_PATIENCE_MS = 30_000;

export async function sendScans(
  token: string,
  scans: readonly SyncedScan[],
): Promise<readonly (ScanAnswer | ScanProblem)[]> {
  const { answers } = await call<{ answers: readonly (ScanAnswer | ScanProblem)[] }>(
    `${BASE}/scans/batch`,
    { method: 'POST', token, body: { scans }, patienceMs: BATCH_PATIENCE_MS },
  );
  return answers;
}

/** Says what the officer had been told, where the server came to another answer later. */
export function sayShown(
  token: string,
  scanId: string,
  body: { readonly decision: Decision; readonly reason: Reason },
): Promise<unknown> {
  const path = `${BASE}/scans/${encodeURIComponent(scanId)}/shown`;
  return call(path, { method: 'POST', token, body });
}

export async function findParticipants(token: string, query: string): Promise<readonly Found[]> {
  const path = `${BASE}/participants?${new URLSearchParams({ q: query })}`;
  return (await call<{ items: readonly Found[] }>(path, { token })).items;
}

export function readMarks(token: string): Promise<Marks> {
  return call(`${BASE}/evacuation/marks`, { token });
}

/** Says that somebody has been found, or is still missing. */
export function mark(token: string, registrationId: string, isFound: boolean): Promise<void> {
  const person = `${BASE}/evacuation/people/${encodeURIComponent(registrationId)}`;
  return call(`${person}/${isFound ? 'found' : 'not-found'}`, { method: 'POST', token });
}

const PHOTO_PATIENCE_MS = 10_000;
const JPEG = [0xff, 0xd8];

/** @throws Declined without one */
export async function readPhoto(token: string, registrationId: string): Promise<ArrayBuffer> {
  const path = `${BASE}/participants/${encodeURIComponent(registrationId)}/photo`;
  const signal = AbortSignal.timeout(PHOTO_PATIENCE_MS);
  // Past the browser's cache, which a wipe does not reach.
  const stream = await openStream(path, 'image/jpeg', token, signal);
  const jpeg = await new Response(stream).arrayBuffer();
  const begins = new Uint8Array(jpeg, 0, Math.min(jpeg.byteLength, JPEG.length));
  // A captive portal answers 200 with a page of its own.
  if (JPEG.some((octet, place) => begins[place] !== octet)) throw new Unreachable();
  return jpeg;
}

export function readReplica(token: string, after: string | null, signal: AbortSignal) {
  const query = after === null ? '' : `?${new URLSearchParams({ after })}`;
  return openStream(`${BASE}/replica${query}`, 'application/x-ndjson', token, signal);
}

export function readNews(token: string, signal: AbortSignal) {
  return openStream(`${BASE}/replica/stream`, 'text/event-stream', token, signal);
}
