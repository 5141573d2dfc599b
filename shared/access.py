"""Who may do what: staff tokens and sessions, registrants' links, signed file links.

One secret a deployment (`FORUMPASS_SECRET_FILE`) signs them all, each purpose with a salt of its
own, so that a token made for one purpose is worth nothing for another, and every service can check
them without asking another. Sessions and staff tokens may end before their time:
shared/sessions.py. Lifetimes run in wall time: attackers don't live in a rehearsal."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request

from shared import caller
from shared.clock import Clock
from shared.problems import Problem, unavailable

SESSION_COOKIE = "forumpass_session"
SESSION_LIFETIME = timedelta(hours=12)
"""A day at the forum. A session is not prolonged: signing in makes a new one."""
TOKEN_LIFETIME = timedelta(days=365)
LINK_LIFETIME = timedelta(days=180)
"""A registrant's link from the mail: from the invitation in January to the last day in June."""
SHORTEST_SECRET = 16
"""Bytes: as many as nobody can try."""


class Role(StrEnum):
    organiser = "organiser"
    reviewer = "reviewer"
    desk = "desk"
    security_lead = "security_lead"
    security = "security"
    viewer = "viewer"
    focal_point = "focal_point"


ACCOUNT_ROLES: Final = tuple(role for role in Role if role is not Role.security)
"""What an account can be given: security officers have devices, and no accounts."""


class Purpose(StrEnum):
    staff_token = "staff-token"  # noqa: S105  (a purpose, no password)
    session = "session"
    registrant = "registrant"
    confirm_email = "confirm-email"
    badge_file = "badge-file"
    certificate = "certificate"
    sign_in = "sign-in"
    mailed_sign_in = "mailed-sign-in"
    oidc_state = "oidc-state"


@dataclass(frozen=True)
class Session:
    """What a session's cookie says beside who it is. Times and whether it has ended are elsewhere:
    in registration's tables, and in what the other services have heard."""

    id: UUID = field(default_factory=uuid4)
    account_id: UUID | None = None
    """None: whoever has the deployment's secret signed in, without an account."""
    version: int = 0
    """The account's, when the session began: newer news of the account goes before its roles."""
    name: str = ""
    language: str = ""


@dataclass(frozen=True)
class Staff:
    """A member of staff, by token or session."""

    id: str
    """For the records: the e-mail address of an account, or the name that a token was given."""
    role: Role
    """The first of the roles, in the order of Role."""
    also: tuple[Role, ...] = ()
    """The other roles."""
    session: Session | None = None
    """None: by token."""
    token_id: UUID | None = None
    """None: by session."""

    @property
    def roles(self) -> tuple[Role, ...]:
        return (self.role, *self.also)

    @property
    def name(self) -> str:
        """For people."""
        return (self.session and self.session.name) or self.id

    def has(self, *roles: Role) -> bool:
        """Whether one of these is among the roles."""
        return not set(roles).isdisjoint(self.roles)


@dataclass(frozen=True)
class OwnLink:
    """A registrant's link to the own page, as it calls."""

    registration_id: UUID
    number: int
    """Counts a registration's links from 1; one below the newest was revoked."""


class InvalidToken(Exception):
    """Not ours, altered, made for another purpose, or expired."""


class ShortSecret(ValueError):
    """The secret's file holds too little to keep anybody from guessing it."""


class Keyring:
    """Signs and reads tokens with the deployment's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, purpose: Purpose, subject: str, lifetime: timedelta, **more: str) -> str:
        """A token that says `subject` until the lifetime is over."""
        expires = int((Clock.wall() + lifetime).timestamp())
        return self._serializer(purpose).dumps({"sub": subject, "exp": expires, **more})

    def read(self, purpose: Purpose, token: str) -> dict[str, str]:
        """What a token says.

        Raises:
            InvalidToken: whatever is wrong with it.
        """
        try:
            content = self._serializer(purpose).loads(token)
            expires, subject = int(content.pop("exp")), str(content["sub"])
        except (BadSignature, KeyError, TypeError, ValueError, AttributeError):
            raise InvalidToken("not a valid token") from None
        if Clock.wall().timestamp() >= expires:
            raise InvalidToken("expired")
        return {**content, "sub": subject}

    def staff_token(self, role: Role, name: str, lifetime: timedelta = TOKEN_LIFETIME) -> str:
        return self.sign(Purpose.staff_token, name, lifetime, role=role, id=uuid4().hex)

    def read_staff_token(self, token: str) -> Staff:
        """Whose token it is, as it was signed; it may have been revoked since.

        Raises:
            InvalidToken: whatever is wrong with it.
        """
        content = self.read(Purpose.staff_token, token)
        try:
            return Staff(content["sub"], Role(content["role"]), token_id=UUID(content["id"]))
        except (KeyError, ValueError):  # of another version
            raise InvalidToken("not a token of this version") from None

    def session(self, staff: Staff) -> str:
        session = staff.session or Session()
        return self.sign(
            Purpose.session,
            staff.id,
            SESSION_LIFETIME,
            roles=" ".join(staff.roles),
            session=str(session.id),
            account=str(session.account_id or ""),
            version=str(session.version),
            name=session.name,
            language=session.language,
        )

    def read_session(self, token: str) -> Staff:
        """Whose session the cookie is, as it was signed; it may have ended since.

        Raises:
            InvalidToken: whatever is wrong with it.
        """
        content = self.read(Purpose.session, token)
        try:
            role, *also = (Role(role) for role in content["roles"].split())
            session = Session(
                id=UUID(content["session"]),
                account_id=UUID(content["account"]) if content["account"] else None,
                version=int(content["version"]),
                name=content["name"],
                language=content["language"],
            )
        except (KeyError, ValueError):  # of an older version
            raise InvalidToken("not a session of this version") from None
        return Staff(content["sub"], role, tuple(also), session)

    def registrant_token(self, registration_id: UUID, number: int = 1) -> str:
        """What a registrant's own link carries; `number` as in OwnLink."""
        subject = str(registration_id)
        return self.sign(Purpose.registrant, subject, LINK_LIFETIME, number=str(number))

    def _serializer(self, purpose: Purpose) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._secret, salt=purpose.value, signer_kwargs={"digest_method": hashlib.sha256}
        )


def open_keyring(path: Path) -> Keyring:
    """The keyring of the secret in this file; makes the file (mode 0600) at the first start.

    Raises:
        OSError: the file can be neither read nor made.
        ShortSecret: it is empty, or as good as.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, secrets.token_bytes(32))
    secret = path.read_bytes()
    if len(secret) < SHORTEST_SECRET:
        raise ShortSecret(f"{path} must hold at least {SHORTEST_SECRET} bytes, chosen at random")
    return Keyring(secret)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all; keeps one that is there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first, and its secret counts
            os.link(draft, path)
    finally:
        draft.unlink()


def bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def keyring_of(request: Request) -> Keyring:
    keyring: Keyring = request.app.state.keyring
    return keyring


def roles_in_order(roles: Iterable[str]) -> tuple[Role, ...]:
    """Roles in the order of Role; what this version does not know is left out."""
    wanted = set(roles)
    return tuple(role for role in Role if role in wanted)


def staff_as_signed(request: Request) -> Staff | None:
    """Who calls as staff, by what was signed: it may have ended since. A bearer token goes before
    the session cookie.

    Raises:
        InvalidToken: whatever is wrong with it.
    """
    if (token := bearer(request)) is not None:
        return keyring_of(request).read_staff_token(token)
    session = request.cookies.get(SESSION_COOKIE)
    return keyring_of(request).read_session(session) if session else None


@dataclass(frozen=True)
class Unrecognised:
    """Staff, at a moment when the database did not tell whether their session or token goes on."""


def staff_of(request: Request) -> Staff | None:
    """The staff member who calls, by bearer token or session cookie; None for anybody else.

    Raises:
        Problem: 503, somebody is, and the database does not answer.
    """
    # The middleware has looked: shared/sessions.py.
    who: Staff | Unrecognised | None = getattr(request.state, "signed_in", None)
    if isinstance(who, Unrecognised):
        raise unavailable()
    if who is not None:
        caller.is_known_as(who.id, who.role)
    return who


def own_link_of(request: Request) -> OwnLink | None:
    """The registrant's own link that calls: as bearer token, or `token` in the query.

    Whether it was revoked, each service that takes it has to look up.
    """
    token = bearer(request) or request.query_params.get("token")
    if not token:
        return None
    try:
        content = keyring_of(request).read(Purpose.registrant, token)
        return OwnLink(UUID(content["sub"]), int(content["number"]))
    except (InvalidToken, KeyError, ValueError):
        return None


def registrant_of(request: Request) -> UUID | None:
    """The registration whose own link calls."""
    link = own_link_of(request)
    return None if link is None else link.registration_id


def staff_with(request: Request, *roles: Role) -> Staff:
    """The member of staff who calls, with one of the roles.

    Raises:
        Problem: 401 for anybody else, 403 for another role.
    """
    staff = staff_of(request)
    if staff is None:
        raise unauthenticated()
    if not staff.has(*roles):
        raise forbidden()
    return staff


def require(*roles: Role) -> Callable[[Request], Awaitable[Staff]]:
    """A dependency: the caller must be staff with one of the roles."""

    # A coroutine: FastAPI would run a plain function in a thread.
    async def check(request: Request) -> Staff:
        return staff_with(request, *roles)

    return check


def staff_or_registrant(request: Request, registration_id: UUID, *roles: Role) -> Staff | None:
    """Let in staff with one of the roles (answers who), or the registrant themself (None)."""
    staff = staff_of(request)
    if staff is not None:
        if not staff.has(*roles):
            raise forbidden()
        return staff
    own = registrant_of(request)
    if own is None:
        raise unauthenticated()
    if own != registration_id:
        raise forbidden()
    return None


def unauthenticated() -> Problem:
    return Problem(
        401,
        "unauthenticated",
        "Send a valid token as 'Authorization: Bearer TOKEN', or sign in.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def forbidden() -> Problem:
    return Problem(403, "forbidden", "Your role does not allow this.")
