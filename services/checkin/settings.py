"""What can be configured of this service: FORUMPASS_CHECKIN_…"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CheckinSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="FORUMPASS_CHECKIN_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    port: int = Field(default=8003, ge=1, le=65535)
    """Where the service listens when it is a process of its own."""
    enrolment_minutes: int = Field(default=15, ge=1)
    """How long a pairing code is good for."""
