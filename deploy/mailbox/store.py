"""Mail in a folder: a file each, as it came, named so that the names sort by time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage, MIMEPart
from email.parser import BytesHeaderParser, BytesParser
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.clock import time_of

SUFFIX: Final = ".eml"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_ENCODED: Final = re.compile(r"=\?[^? ]+\?[bqBQ]\?[^? ]*\?=")
_BETWEEN_ENCODED: Final = re.compile(r"(?<=\?=)[ \t]+(?==\?)")


@dataclass(frozen=True)
class Entry:
    """A mail as a list shows it."""

    id: str
    to: str
    sender: str
    subject: str
    received_at: datetime
    message_id: str
    """What stands before its @."""


@dataclass(frozen=True)
class Part:
    """A file in a mail: an attachment, or a picture that its text shows."""

    number: int
    name: str
    media_type: str
    content_id: str
    content: bytes


@dataclass(frozen=True)
class Mail:
    """A mail, opened."""

    entry: Entry
    plain: str
    html: str
    parts: Sequence[Part]


class Store:
    """Keeps mail and finds it again, also after a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = Lock()
        self._entries = [
            _entry(path.stem, path.read_bytes()) for path in sorted(folder.glob(f"*{SUFFIX}"))
        ]

    def keep(self, raw: bytes) -> None:
        """Write a mail to disk; on return it outlives a power cut.

        Raises:
            OSError: it could not be written; nothing of it is left.
        """
        mail_id = uuid7().hex
        draft = self._folder / f".{mail_id}"
        try:
            with draft.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._path(mail_id))
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        with self._lock:
            self._entries.append(_entry(mail_id, raw))

    def forget(self, message_id: str) -> int:
        """Remove what came with this in its Message-ID before the @; answers how much that was."""
        with self._lock:
            gone = [entry for entry in self._entries if entry.message_id == message_id]
            self._entries = [entry for entry in self._entries if entry.message_id != message_id]
        for entry in gone:
            self._path(entry.id).unlink(missing_ok=True)
        return len(gone)

    def newest_first(self, to: str = "") -> Iterator[Entry]:
        """What came, the newest first; with `to`, what is addressed to something that has it."""
        wanted = to.casefold()
        with self._lock:
            entries = self._entries[::-1]
        return (entry for entry in entries if wanted in entry.to.casefold())

    def raw(self, mail_id: str) -> bytes | None:
        """A mail as it came; None if there is none with this id."""
        if not _ID.fullmatch(mail_id):
            return None
        try:
            return self._path(mail_id).read_bytes()
        except FileNotFoundError:
            return None

    def open(self, mail_id: str) -> Mail | None:
        raw = self.raw(mail_id)
        return None if raw is None else _opened(mail_id, raw)

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}{SUFFIX}"


def _said(_: str, header: str) -> str:
    """A header as text. White space between two encoded words is none of it (RFC 2047, 6.2): the
    standard library keeps it in names, and a long one comes apart in the middle of a word."""
    as_written = header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _ENCODED.sub(_decoded, _BETWEEN_ENCODED.sub("", as_written))


def _decoded(word: re.Match[str]) -> str:
    """What an encoded word says; as it stands if it can't be read."""
    try:
        return str(make_header(decode_header(word[0])))
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return word[0]


_AS_TEXT: Final = policy.default.clone(header_factory=_said)


def _entry(mail_id: str, raw: bytes) -> Entry:
    headers = BytesHeaderParser(policy=_AS_TEXT).parsebytes(raw)
    return Entry(
        id=mail_id,
        to=headers.get("To", ""),
        sender=headers.get("From", ""),
        subject=headers.get("Subject", ""),
        received_at=time_of(UUID(mail_id)),
        message_id=headers.get("Message-ID", "").strip(" <").partition("@")[0],
    )


def _opened(mail_id: str, raw: bytes) -> Mail:
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    texts = [body for body in (plain, html) if body is not None]
    files = [part for part in message.walk() if not part.is_multipart() and part not in texts]
    return Mail(
        entry=_entry(mail_id, raw),
        plain=_text(plain),
        html=_text(html),
        parts=[_part(number, file) for number, file in enumerate(files)],
    )


def _text(body: MIMEPart | None) -> str:
    return "" if body is None else str(body.get_content())


def _part(number: int, file: EmailMessage) -> Part:
    content = file.get_payload(decode=True)
    return Part(
        number=number,
        name=file.get_filename(f"part-{number}"),
        media_type=file.get_content_type(),
        content_id=str(file.get("Content-ID", "")).strip("<> "),
        content=content if isinstance(content, bytes) else b"",
    )
