"""The signed links in our mails: one confirms the address, one opens the registrant's own page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.registration.lifecycle import Status
from services.registration.tables import Registration
from shared.access import InvalidToken, Keyring, Purpose
from shared.problems import Problem

CONFIRM_LIFETIME = timedelta(days=30)


@dataclass(frozen=True)
class Links:
    """Makes the links, and knows them again."""

    keyring: Keyring
    origin: str

    def confirm_token(self, registration_id: UUID, email: str, number: int = 1) -> str:
        """What confirms this address; `number` is that of the own link to which it leads."""
        return self.keyring.sign(
            Purpose.confirm_email,
            str(registration_id),
            CONFIRM_LIFETIME,
            email=_digest(email),
            number=str(number),
        )

    def confirm(self, row: Registration) -> str:
        token = self.confirm_token(row.id, row.email, row.link_number)
        return f"{self.origin}/registration/confirm?id={row.id}&token={token}"

    def me(self, row: Registration) -> str:
        token = self.keyring.registrant_token(row.id, row.link_number)
        return f"{self.origin}/registration/me?token={token}"

    def check_confirm(self, row: Registration, token: str) -> None:
        """Let pass who has read the mail that went to the registration's address.

        Raises:
            Problem: 403, the token is not ours, expired, revoked, another's, or went to an older
                address.
        """
        try:
            content = self.keyring.read(Purpose.confirm_email, token)
        except InvalidToken:
            raise wrong_link() from None
        if (content["sub"], content.get("number")) != (str(row.id), str(row.link_number)):
            raise wrong_link()
        # Of who is erased there is no address left to compare with.
        if row.status != Status.erased and content.get("email") != _digest(row.email):
            raise wrong_link()


def wrong_link() -> Problem:
    return Problem(
        403, "wrong-link", "This link is not valid, or no longer. Please use the newest mail."
    )


def _digest(email: str) -> str:
    """Binds a confirmation link to the address that it was sent to, without naming it."""
    return hashlib.sha256(email.encode()).hexdigest()[:16]
