import type { DeviceState, Enrolled, Forum, ScanAnswer, ScanRequest } from '../contract';
import { call } from '../http';

const BASE = '/checkin/api';

export function pair(code: string): Promise<Enrolled> {
  return call(`${BASE}/devices`, { method: 'POST', body: { code } });
}

export function readForum(): Promise<Forum> {
  return call(`${BASE}/forum`);
}

/** What the server knows of this device; declined with 401 once it is revoked. */
export function readDevice(token: string): Promise<DeviceState> {
  return call(`${BASE}/devices/me`, { token });
}

export function sendScan(token: string, scan: ScanRequest): Promise<ScanAnswer> {
  return call(`${BASE}/scans`, { method: 'POST', token, body: scan });
}

export function undoScan(token: string, scanId: string, reason: string): Promise<unknown> {
  const path = `${BASE}/scans/${encodeURIComponent(scanId)}/undo`;
  return call(path, { method: 'POST', token, body: { reason } });
}
