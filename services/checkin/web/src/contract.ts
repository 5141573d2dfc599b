/** What the check-in service says and hears over HTTP, as docs/ and its OpenAPI document name it. */

/** A text of the forum in the languages that forum.toml gives it in. */
export type Text = Readonly<Record<string, string>>;

export type Direction = 'in' | 'out';
export type Decision = 'admitted' | 'refused';

export const REASONS = [
  'malformed',
  'bad_signature',
  'unknown_badge',
  'revoked',
  'superseded',
  'cancelled',
  'blocked',
  'not_valid_today',
  'zone_not_allowed',
  'already_inside',
  'zone_full',
  'first_entry',
  'reentry',
  'override',
  'departed',
] as const;
export type Reason = (typeof REASONS)[number];

export interface Category {
  readonly id: string;
  readonly name: Text;
  readonly color: string;
}

export interface Gate {
  readonly id: string;
  readonly names: Text;
  readonly zone: string;
  readonly direction: Direction;
  readonly entrance: string;
}

export interface Entrance {
  readonly id: string;
  readonly name: Text;
}

export interface Zone {
  readonly id: string;
  readonly name: Text;
  /** Its place in a badge's zones */
  readonly bit: number;
  readonly capacity: number | null;
  readonly scan_out: boolean;
  readonly anti_passback: boolean;
}

export interface Forum {
  readonly name: Text;
  readonly timezone: string;
  readonly rehearsal: boolean;
  readonly now: string;
  readonly days: readonly string[];
  /** When the venue closes, every day: 20:00:00 */
  readonly closes: string;
  readonly categories: readonly Category[];
  readonly gates: readonly Gate[];
  readonly entrances: readonly Entrance[];
  readonly zones: readonly Zone[];
  readonly venue: { readonly name: Text; readonly limit: number };
}

export interface Enrolled {
  readonly device_id: string;
  readonly token: string;
  readonly gate: string;
}

/** What a device says of itself; null is not known. */
export interface DeviceReport {
  readonly battery: number | null;
  readonly charging: boolean | null;
  readonly app_version: string;
  readonly pending: number;
  readonly replica_at: string | null;
  /** What the device's own clock shows, however wrong */
  readonly device_now: string;
}

export interface DeviceState {
  readonly device_id: string;
  readonly label: string;
  readonly gate: string;
}

/** What was presented: the text of a QR code, or the number printed on the badge. */
export type Presented = { readonly credential: string } | { readonly number: string };

export type ScanRequest = Presented & {
  readonly scan_id: string;
  readonly direction: Direction;
  readonly scanned_at: string;
  readonly override?: { readonly reason: string };
};

export interface Participant {
  readonly registration_id: string;
  readonly badge_id: string;
  readonly number: string | null;
  readonly given_name: string;
  readonly family_name: string;
  readonly organization: string;
  readonly country: string;
  readonly category: string;
  /** The edition of the photo, if there is one */
  readonly photo?: number | null;
}

export interface PreviousScan {
  readonly at: string;
  readonly gate: string;
  readonly entrance: string;
  readonly direction: Direction;
}

export interface ScanAnswer {
  readonly scan_id: string;
  readonly decision: Decision;
  readonly reason: Reason;
  readonly participant: Participant | null;
  readonly previous: PreviousScan | null;
  readonly decided_at: string;
  /** The rule that an admission went against, as when two gates let one badge in */
  readonly conflict?: Reason | null;
}

/** A scan that was answered on the device: where it stood then, and what the officer was told. */
export type SyncedScan = ScanRequest & {
  readonly gate: string;
  readonly admitted?: boolean;
  readonly reason?: Reason;
};

/** In place of an answer, for a scan that the server can't read. */
export interface ScanProblem {
  readonly scan_id: string;
  readonly problem: Problem;
}

/** Somebody who was looked for. */
export interface Found extends Participant {
  readonly status: 'valid' | 'revoked' | 'superseded' | 'cancelled';
  readonly blocked: boolean;
  readonly inside: boolean;
  readonly inside_since: string | null;
  readonly entrance: string | null;
}

export interface StaffMember {
  readonly name: string;
  readonly roles: readonly string[];
}

type Count = Readonly<Record<string, number>>;

export interface Peak {
  readonly inside: number;
  readonly at: string;
}

export interface Attendance {
  readonly day: string;
  /** The moment that the figures are of; null is now */
  readonly until: string | null;
  readonly registered: number;
  readonly badged: number;
  readonly arrived_total: number;
  readonly arrived_today: number;
  readonly inside: number;
  readonly refused_today: number;
  readonly by_entrance: Count;
  readonly by_category: Count;
  readonly by_country: Count;
  readonly by_region: Count;
  readonly by_gender: Count;
  readonly by_minute: Count;
  readonly by_entrance_and_minute: Readonly<Record<string, Count>>;
  readonly refusals_by_reason: Count;
  readonly venue_limit: number;
  readonly peak: Peak | null;
  /** At the end of each minute in which it changed */
  readonly inside_by_minute: Count;
}

/** An entry of the log as the control room sees it. */
export interface LatestScan {
  readonly seq: number;
  readonly scan_id: string;
  readonly at: string;
  readonly gate: string;
  readonly direction: Direction;
  readonly decision: Decision | 'undone';
  readonly reason: string;
  readonly undoes: string | null;
  readonly category: string | null;
  /** For those who may see names */
  readonly name: string | null;
}

export interface Alert {
  readonly id: string;
  readonly kind: string;
  readonly at: string;
  readonly gate: string | null;
  /** What the device is called that noticed, or has gone wrong */
  readonly device: string | null;
  /** Whom it is about, for those who may see names */
  readonly who: string | null;
  readonly detail: string | null;
  readonly acknowledged_at: string | null;
  /** Null also if its reason is over by itself */
  readonly acknowledged_by: string | null;
}

/** A paired device as its leads see it. */
export interface Device {
  readonly device_id: string;
  readonly label: string;
  readonly gate: string;
  readonly battery: number | null;
  readonly charging: boolean | null;
  readonly app_version: string | null;
  readonly pending: number | null;
  readonly last_contact_at: string | null;
}

/** All that the control room shows. */
export interface Room {
  readonly figures: Attendance;
  /** Oldest first */
  readonly scans: readonly LatestScan[];
  readonly alerts: readonly Alert[];
  readonly devices: readonly Device[];
}

export interface Mark {
  readonly state: 'missing' | 'found' | 'left';
  readonly marked_at: string | null;
  readonly marked_by: string | null;
}

/** How a roll call stands. */
export interface Marks {
  readonly roll_call: { readonly id: string } | null;
  readonly missing: number;
  readonly found: number;
  readonly left: number;
  /** By registration: those not missing, and those marked so */
  readonly people: Readonly<Record<string, Mark>>;
}

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
}
