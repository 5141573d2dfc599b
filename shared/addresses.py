"""E-mail addresses by one rule: what is taken from somebody who registers can be written to."""

from __future__ import annotations

import email_validator
from email_validator import ValidatedEmail, validate_email

# Intranets and rehearsals have them, and whether mail arrives is for the confirmation to find out.
# This list is the library's way to say so.
for name in ("invalid", "local", "test"):
    email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(name)


def checked(address: str, *, strict: bool = False) -> ValidatedEmail:
    """An address that is well-formed, whether or not it exists.

    Args:
        address: as somebody wrote it.
        strict: no longer than mail servers must take (RFC 5321, 4.5.3.1).

    Raises:
        EmailNotValidError: it isn't one.
    """
    return validate_email(
        address, check_deliverability=False, globally_deliverable=False, strict=strict
    )
