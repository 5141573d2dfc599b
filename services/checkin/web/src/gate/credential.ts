/**
 * The credential: the text in a badge's QR, as shared/credential.py writes and reads it.
 *
 * Seventy-eight bytes in Base45 (RFC 9285): version 1 · key id 1 · badge id 8 · category 1 · valid
 * days 1 · zones 2 · Ed25519 signature over all before it 64.
 */

const VERSION = 1;
const LENGTH = 117;
const BODY_BYTES = 14;
const SIGNATURE_BYTES = 64;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
const BASE = ALPHABET.length;

/** What a badge says of itself. */
export interface Credential {
  readonly version: number;
  readonly keyId: number;
  /** In hexadecimal. */
  readonly badgeId: string;
  readonly category: number;
  /** Bit 0 is the forum's first day. */
  readonly days: number;
  /** Bit 0 is the forum's first zone. */
  readonly zones: number;
}

/** A well-formed credential whose signature nobody has checked: `verify` before believing it. */
export interface SignedCredential extends Credential {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** A key that signs badges, or did. */
export interface Key {
  readonly key_id: number;
  /** In hexadecimal. */
  readonly public_key: string;
  readonly retired: boolean;
}

/** Reads a scanned text as a credential; its signature remains to be verified. */
export function parse(text: string): SignedCredential | 'malformed' {
  const octets = decoded(asWritten(text));
  if (!octets || octets[0] !== VERSION) return 'malformed';
  const fields = new DataView(octets.buffer);
  return {
    version: VERSION,
    keyId: fields.getUint8(1),
    badgeId: toHex(octets.subarray(2, 10)),
    category: fields.getUint8(10),
    days: fields.getUint8(11),
    zones: fields.getUint16(12),
    body: octets.subarray(0, BODY_BYTES),
    signature: octets.subarray(BODY_BYTES),
  };
}

/** The credential, if the key that it names signed it and is among `keys`, not retired. */
export async function verify(
  signed: SignedCredential,
  keys: Iterable<Key>,
): Promise<Credential | 'bad_signature'> {
  const key = [...keys].find(({ key_id, retired }) => key_id === signed.keyId && !retired);
  if (!key || !(await isSignedBy(fromHex(key.public_key), signed))) return 'bad_signature';
  const { body, signature, ...credential } = signed;
  return credential;
}

/** Reads a scanned text and checks its signature. */
export async function read(
  text: string,
  keys: Iterable<Key>,
): Promise<Credential | 'malformed' | 'bad_signature'> {
  const signed = parse(text);
  return signed === 'malformed' ? signed : verify(signed, keys);
}

/**
 * Checks nothing, once for each key: the first check of all starts the browser's cryptography, or
 * loads ours, and nobody should wait for that with a badge in their hand.
 */
export async function warmUp(keys: Iterable<Key>): Promise<void> {
  const nothing = { body: new Uint8Array(BODY_BYTES), signature: new Uint8Array(SIGNATURE_BYTES) };
  for (const key of keys) await isSignedBy(fromHex(key.public_key), nothing);
}

/**
 * As the server's `sign` wrote it, whatever a scanner or a form did to its letters and edges. A blank
 * is one of Base45's characters, but no credential begins or ends with it.
 */
function asWritten(text: string): string {
  // Of ASCII only: in capitals ß would be two letters.
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '').replace(/[a-z]/g, (l) => l.toUpperCase());
}

/** The bytes that a text of a credential's length stands for; null if it stands for none. */
function decoded(text: string): Uint8Array<ArrayBuffer> | null {
  const values = [...text].map((character) => ALPHABET.indexOf(character));
  if (values.length !== LENGTH || values.includes(-1)) return null;
  const octets = new DataView(new ArrayBuffer((LENGTH / 3) * 2));
  for (let place = 0; place < LENGTH; place += 3) {
    const [low = 0, middle = 0, high = 0] = values.slice(place, place + 3);
    const pair = low + (middle + high * BASE) * BASE;
    if (pair > 0xffff) return null;
    octets.setUint16((place / 3) * 2, pair);
  }
  return new Uint8Array(octets.buffer);
}

async function isSignedBy(
  publicKey: Uint8Array<ArrayBuffer>,
  signed: Pick<SignedCredential, 'body' | 'signature'>,
): Promise<boolean> {
  const { body, signature } = signed;
  const native = await nativeKey(publicKey);
  if (native) return crypto.subtle.verify('Ed25519', native, signature, body);
  const { verifyAsync } = await import('@noble/ed25519');
  return verifyAsync(signature, body, publicKey, { zip215: false });
}

/** The key for WebCrypto; null where that has no Ed25519: Chrome before 137, Firefox before 129. */
async function nativeKey(publicKey: Uint8Array<ArrayBuffer>): Promise<CryptoKey | null> {
  try {
    return await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify']);
  } catch {
    return null;
  }
}

function toHex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
