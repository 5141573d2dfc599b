"""What can be configured of this service: FORUMPASS_NOTIFICATIONS_…"""

from __future__ import annotations

from datetime import time
from typing import Final

from pydantic import EmailStr, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LATEST_REMINDER: Final = time(21)
"""Nobody is reminded at night: whoever could not be by then is not reminded."""


class NotificationsSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="FORUMPASS_NOTIFICATIONS_",
        env_file=".env",
        extra="ignore",
        env_ignore_empty=True,
    )

    port: int = Field(default=8004, ge=1, le=65535)
    """Where the service listens when it is a process of its own."""
    badging_url: str = ""
    """Where badge files are fetched, such as http://badging:8002; empty: the public origin."""
    sender: EmailStr | None = None
    """Address that mails come from, and that bounces return to; unset: the forum's contact."""
    reminds_at: time = time(10)
    """From when on, the day before somebody's first day, the reminder goes out; forum time."""
    concurrency: int = Field(default=8, ge=1, le=64)
    """Mails in hand at the same time, each with a connection to the mail server."""
    attempt_seconds: float = Field(default=60, gt=0)
    """An attempt (badge files, connection, transfer) that takes longer is given up."""
    note_seconds: float = Field(default=60, gt=0)
    """While the database is away, we try so long to note what came of an attempt."""
    first_retry_seconds: float = Field(default=2, gt=0)
    """Pause after the first failed attempt; each further pause is twice as long."""
    longest_retry_seconds: float = Field(default=1800, gt=0)
    """But no longer than this: greylisting lets a mail pass after minutes."""
    give_up_hours: float = Field(default=24, gt=0)
    """A mail that has failed for so long is not tried again."""

    @field_validator("reminds_at")
    @classmethod
    def _reminds_by_day(cls, value: time) -> time:
        if value.tzinfo is not None or value >= LATEST_REMINDER:
            raise ValueError(f"must be a time of day before {LATEST_REMINDER:%H:%M}")
        return value

    @field_validator("badging_url")
    @classmethod
    def _badging_is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")
