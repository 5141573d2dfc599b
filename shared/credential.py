"""The credential: the text in a badge's QR.

Seventy-eight bytes, written in Base45 (RFC 9285) so that a QR holds them in its alphanumeric mode
and any scanner types them as plain characters:

    version 1 · key id 1 · badge id 8 · category 1 · valid days 1 · zones 2 · Ed25519 signature 64

The signature covers all before it, so that a gate decides with a public key and no network. There
is nothing personal in it.
"""

from __future__ import annotations

import string
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import base45
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

VERSION: Final = 1
BADGE_ID_BYTES: Final = 8
LENGTH: Final = 117
"""Characters of a credential."""

_BODY: Final = struct.Struct(f">BB{BADGE_ID_BYTES}sBBH")
_ALPHABET: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
_BLANK: Final = 36
"""The blank's value in Base45."""
_UPPER_ASCII: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


class CredentialError(ValueError):
    """A text that is no valid credential."""


class Malformed(CredentialError):
    """Not written as a credential is: wrong characters, length or version."""


class BadSignature(CredentialError):
    """Written as a credential, but not signed with the key that it names."""


class UnknownKey(BadSignature):
    """Signed with a key that is not, or no longer, among the valid ones."""

    def __init__(self, key_id: int) -> None:
        super().__init__(f"no valid key has the id {key_id}")
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class Credential:
    """What a badge says of itself.

    Raises:
        ValueError: a field doesn't fit its bytes.
    """

    key_id: int
    badge_id: bytes
    category: int
    days: int
    """Bit 0 is the forum's first day."""
    zones: int
    """Bit 0 is the forum's first zone."""
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ValueError(f"version {self.version} of the credential is not known")
        if len(self.badge_id) != BADGE_ID_BYTES:
            raise ValueError(f"a badge id has {BADGE_ID_BYTES} bytes")
        for name, bits in (("key_id", 8), ("category", 8), ("days", 8), ("zones", 16)):
            if not 0 <= getattr(self, name) < 1 << bits:
                raise ValueError(f"{name} does not fit in {bits} bits")


@dataclass(frozen=True, slots=True)
class SignedCredential:
    """A well-formed credential whose signature nobody has checked: `verify` before believing it."""

    claimed: Credential
    """What it says: good for a log or a look-up, never for opening a door."""
    signature: bytes

    def verify(self, public_keys: Mapping[int, VerifyKey]) -> Credential:
        """The credential, if one of `public_keys` (by key id) signed it.

        Raises:
            UnknownKey: no such key.
            BadSignature: the key did not sign this.
        """
        key = public_keys.get(self.claimed.key_id)
        if key is None:
            raise UnknownKey(self.claimed.key_id)
        try:
            # By libsodium: a gate's queue waits for this, and OpenSSL takes twice as long.
            key.verify(_body(self.claimed), self.signature)
        except BadSignatureError as error:
            raise BadSignature("the signature does not belong to this credential") from error
        return self.claimed


def can_sign(key_id: int) -> bool:
    """Whether a key may have this id: not every 45th, with which credentials begin with a blank.

    Blanks at the edge are trimmed on the way. Given back, they would make of a text that lost its
    first letter in a scanner a credential of another key: the officer would read of a forgery.
    """
    return (VERSION << 8 | key_id) % 45 != _BLANK


def sign(credential: Credential, private_key: Ed25519PrivateKey) -> str:
    """The text for the QR. `private_key` is the one that `credential.key_id` names."""
    body = _body(credential)
    text: str = base45.b45encode(body + private_key.sign(body)).decode("ascii")
    return text


def parse(text: str) -> SignedCredential:
    """Read a scanned or typed text as a credential; its signature remains to be verified.

    Raises:
        Malformed: it isn't written as one.
    """
    canonical = _as_written(text)
    if len(canonical) != LENGTH:
        raise Malformed(f"a credential has {LENGTH} characters")
    # Before the library sees it: that one takes a final line feed for no character.
    if not _ALPHABET.issuperset(canonical):
        raise Malformed("a character that no credential has")
    try:
        octets = base45.b45decode(canonical)
    except ValueError as error:
        raise Malformed("characters that stand for no bytes") from error
    version, key_id, badge_id, category, days, zones = _BODY.unpack_from(octets)
    if version != VERSION:
        raise Malformed(f"version {version} of the credential is not known")
    claimed = Credential(key_id, badge_id, category, days, zones)
    return SignedCredential(claimed, octets[_BODY.size :])


def _as_written(text: str) -> str:
    """`text` as `sign` wrote it, whatever a scanner or a form did to its letters and edges.

    Keyboard wedges swap case under caps lock and end with a line feed or a tab; forms and terminals
    trim blanks. A blank is one of Base45's characters, but none of ours begins or ends with it: see
    `can_sign`, and the last of three characters counts 2025s in a number up to 65535, so it stops
    at W.
    """
    return text.strip(" \t\r\n").translate(_UPPER_ASCII)


def _body(credential: Credential) -> bytes:
    return _BODY.pack(
        credential.version,
        credential.key_id,
        credential.badge_id,
        credential.category,
        credential.days,
        credential.zones,
    )
