import { afterEach, describe, expect, test, vi } from 'vitest';
import vectors from '../../../../tests/vectors/credential.json';
import { read } from '../src/gate/credential';

const { keys } = vectors;
const credentials = vectors.credentials.map(({ name, text, expected }) => ({
  name,
  text,
  expected: typeof expected === 'string' ? expected : inOurWords(expected),
}));

type Told = Exclude<(typeof vectors.credentials)[number]['expected'], string>;

function inOurWords({ key_id, badge_id, ...same }: Told) {
  return { ...same, keyId: key_id, badgeId: badge_id };
}

afterEach(() => vi.restoreAllMocks());

describe('a text in a QR', () => {
  test.each(credentials)('$name', async ({ text, expected }) => {
    expect(await read(text, keys)).toEqual(expected);
  });
});

describe('in a browser whose WebCrypto has no Ed25519, a text in a QR', () => {
  test.each(credentials)('$name', async ({ text, expected }) => {
    const unknown = new DOMException('Unrecognized name.', 'NotSupportedError');
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(unknown);
    const native = vi.spyOn(crypto.subtle, 'verify');
    expect(await read(text, keys)).toEqual(expected);
    expect(native).not.toHaveBeenCalled();
  });
});
