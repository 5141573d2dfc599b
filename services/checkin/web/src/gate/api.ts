import type {
  Decision,
  DeviceReport,
  DeviceState,
  Enrolled,
  Forum,
  Found,
  Reason,
  ScanAnswer,
  ScanProblem,
  ScanRequest,
  SyncedScan,
} from '../contract';
import { call, openStream } from '../http';

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

export function undoScan(token: string, scanId: string, reason: string): Promise<unknown> {
  const path = `${BASE}/scans/${encodeURIComponent(scanId)}/undo`;
  return call(path, { method: 'POST', token, body: { reason } });
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

export function readReplica(token: string, after: string | null, signal: AbortSignal) {
  const query = after === null ? '' : `?${new URLSearchParams({ after })}`;
  return openStream(`${BASE}/replica${query}`, 'application/x-ndjson', token, signal);
}

export function readNews(token: string, signal: AbortSignal) {
  return openStream(`${BASE}/replica/stream`, 'text/event-stream', token, signal);
}
