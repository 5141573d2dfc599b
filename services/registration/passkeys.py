"""Passkeys (Web Authentication): made by whoever is signed in, and then enough to sign in with.

The browser signs a challenge of ours together with the page's origin; `webauthn` checks both, and
that the person was verified (a finger, a face, a PIN). Each challenge is good for one answer."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import structlog
import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.registration import staff_sessions
from services.registration.accounts import Accounts, get
from services.registration.forms import Line
from services.registration.staff_sessions import Means
from services.registration.staff_tables import accounts, challenges, passkeys
from shared import audit
from shared.access import Session, Staff
from shared.problems import Problem, conflict, not_found

log = structlog.get_logger()

CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
"""To find the phone, and to let it look at one's face."""
MOST: Final = 20
"""Passkeys of one account."""
_REFUSALS: Final = (WebAuthnException, UnsupportedAlgorithm, ValueError, KeyError, TypeError)
"""What the library raises over an answer that is wrong, or none at all."""


class NewPasskey(BaseModel):
    """A passkey that the browser has made."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Line
    credential: dict[str, Any]


class Assertion(BaseModel):
    """What the browser answers to a challenge to sign in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    credential: dict[str, Any]
    to: str = ""


@dataclass(frozen=True)
class RelyingParty:
    """Whose passkeys they are, as browsers see it."""

    id: str
    origin: str
    name: str

    @property
    def is_possible(self) -> bool:
        """Browsers know passkeys for names only, and on pages that nobody can tamper with."""
        try:
            ipaddress.ip_address(self.id)
        except ValueError:
            return self.origin.startswith("https://") or self.id.endswith("localhost")
        return False


def relying_party(origin: str, name: str) -> RelyingParty:
    return RelyingParty(id=urlsplit(origin).hostname or "", origin=origin, name=name)


# --- making one ----------------------------------------------------------------------------------


async def creation_options(of: Accounts, party: RelyingParty, session: Session) -> str:
    """What the browser needs to make a passkey, as JSON; only this session can answer.

    Raises:
        Problem: 409, passkeys are not possible here, or there are many already.
    """
    account_id = _check(party, session)
    async with of.database.begin() as tx:
        account = await get(tx, account_id)
        known = await of_account(tx, account_id)
        if len(known) >= MOST:
            raise conflict(f"There are {MOST} passkeys already. Remove one first.")
        options = webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name=party.name,
            user_id=account_id.bytes,
            user_name=account.email,
            user_display_name=account.name,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(row) for row in known],
        )
        await tx.execute(delete(challenges).where(challenges.c.session_id == session.id))
        await _keep(tx, options.challenge, session.id)
    return webauthn.options_to_json(options)


async def make(of: Accounts, party: RelyingParty, session: Session, new: NewPasskey) -> None:
    """Keep a passkey that the browser has made for the challenge of this session.

    Raises:
        Problem: 403, the answer is not what was asked for; 409 as of `creation_options`.
    """
    account_id = _check(party, session)
    challenge = await _take(of, challenges.c.session_id == session.id)
    try:
        made = webauthn.verify_registration_response(
            credential=new.credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _REFUSALS as error:
        raise _refused(error) from None
    async with of.database.begin() as tx:
        kept = await tx.execute(
            upsert(passkeys)
            .values(
                id=made.credential_id,
                account_id=account_id,
                name=new.name,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                transports=_transports(new.credential),
                is_backed_up=made.credential_backed_up,
            )
            .on_conflict_do_nothing()
        )
        if kept.rowcount == 0:
            raise conflict("This passkey is known already.")
        await audit.note(tx, of.clock.now(), "staff.add_passkey", which=account_id)


async def of_account(connection: AsyncConnection, account_id: UUID) -> list[Row[Any]]:
    """The account's passkeys, oldest first."""
    query = (
        select(passkeys)
        .where(passkeys.c.account_id == account_id)
        .order_by(passkeys.c.made_at, passkeys.c.id)
    )
    return list((await connection.execute(query)).all())


async def remove(of: Accounts, account_id: UUID | None, passkey_id: str) -> None:
    """Let nobody sign in with this passkey any more.

    Raises:
        Problem: 404, the account has no such one.
    """
    async with of.database.begin() as tx:
        done = await tx.execute(
            delete(passkeys).where(
                passkeys.c.id == _id_of(passkey_id), passkeys.c.account_id == account_id
            )
        )
        if done.rowcount == 0:
            raise not_found("passkey")
        await audit.note(tx, of.clock.now(), "staff.remove_passkey", which=account_id)


# --- signing in with one -------------------------------------------------------------------------


async def request_options(of: Accounts, party: RelyingParty) -> tuple[UUID, str]:
    """What a browser needs to sign in with a passkey that it has, as JSON, and the challenge's id.

    Raises:
        Problem: 409, passkeys are not possible here.
    """
    if not party.is_possible:
        raise _not_possible()
    options = webauthn.generate_authentication_options(
        rp_id=party.id, user_verification=UserVerificationRequirement.REQUIRED
    )
    async with of.database.begin() as tx:
        challenge_id = await _keep(tx, options.challenge, None)
    return challenge_id, webauthn.options_to_json(options)


async def sign_in(
    of: Accounts,
    party: RelyingParty,
    challenge_id: UUID,
    credential: dict[str, Any],
    *,
    browser: str,
    instead_of: Staff | None,
) -> Staff:
    """Sign in the holder of the passkey that has signed this challenge.

    Raises:
        Problem: 403, it has not, or is known no more.
    """
    challenge = await _take(
        of, (challenges.c.id == challenge_id) & challenges.c.session_id.is_(None)
    )
    async with of.database.begin() as tx:
        row = await _known(tx, credential)
        try:
            signed = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                credential_public_key=row.public_key,
                # A count that does not grow is that of a copy: refused.
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
        except _REFUSALS as error:
            raise _refused(error) from None
        await tx.execute(
            update(passkeys)
            .where(passkeys.c.id == row.id)
            .values(
                sign_count=signed.new_sign_count,
                is_backed_up=signed.credential_backed_up,
                used_at=func.now(),
            )
        )
        account = await get(tx, row.account_id)
        return await staff_sessions.begin(
            tx, of, account, Means.passkey, browser=browser, instead_of=instead_of
        )


async def _known(tx: AsyncConnection, credential: dict[str, Any]) -> Row[Any]:
    """The passkey that has answered, held until its new count is written."""
    query = (
        select(passkeys)
        .join_from(passkeys, accounts)
        .where(
            passkeys.c.id == _id_of(str(credential.get("id", ""))), accounts.c.ended_at.is_(None)
        )
        .with_for_update(of=passkeys)
    )
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise _refused(LookupError("unknown"))
    return row


# --- what both need ------------------------------------------------------------------------------


async def _keep(tx: AsyncConnection, challenge: bytes, session_id: UUID | None) -> UUID:
    challenge_id = uuid4()
    await tx.execute(
        insert(challenges).values(
            id=challenge_id,
            challenge=challenge,
            session_id=session_id,
            expires_at=func.now() + CHALLENGE_LIFETIME,
        )
    )
    return challenge_id


async def _take(of: Accounts, which: Any) -> bytes:
    """Use up a challenge: whatever comes of the answer, there is no second one to it."""
    async with of.database.begin() as tx:
        taken = await tx.execute(
            delete(challenges)
            .where(which, challenges.c.expires_at > func.now())
            .returning(challenges.c.challenge)
        )
        challenge: bytes | None = taken.scalar_one_or_none()
    if challenge is None:
        raise _refused(LookupError("no such challenge"))
    return challenge


def _check(party: RelyingParty, session: Session) -> UUID:
    if not party.is_possible:
        raise _not_possible()
    if session.account_id is None:
        raise conflict("Only an account can have passkeys.")
    return session.account_id


def _descriptor(row: Row[Any]) -> PublicKeyCredentialDescriptor:
    known = {transport.value for transport in AuthenticatorTransport}
    return PublicKeyCredentialDescriptor(
        id=row.id,
        transports=[AuthenticatorTransport(one) for one in row.transports if one in known],
    )


def _transports(credential: dict[str, Any]) -> list[str]:
    """How the passkey is reached, as the browser says; nothing depends on it but its dialogues."""
    response = credential.get("response")
    said = response.get("transports") if isinstance(response, dict) else None
    return [str(one)[:20] for one in said[:10]] if isinstance(said, list) else []


def text_of(passkey_id: bytes) -> str:
    """The id of a passkey as it stands in an address."""
    return bytes_to_base64url(passkey_id)


def _id_of(text: str) -> bytes:
    try:
        return base64url_to_bytes(text)
    except ValueError:
        return b""


def _refused(error: Exception) -> Problem:
    log.info("passkey.refused", reason=type(error).__name__)
    return Problem(403, "passkey-refused", "This passkey was not accepted. Please try again.")


def _not_possible() -> Problem:
    return Problem(
        409,
        "no-passkeys-here",
        "Browsers take passkeys for an https address with a name, and for localhost.",
    )
