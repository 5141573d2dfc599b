"""What can be configured of this service: FORUMPASS_BADGING_…"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BadgingSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="FORUMPASS_BADGING_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    port: int = Field(default=8002, ge=1, le=65535)
    """Where the service listens when it is a process of its own."""
    drawn_at_once: int = Field(default=2, ge=1, le=64)
    """Badges drawn at the same time in one process. Drawing is work for a processor core: more than
    there are makes every answer slower, also those that draw nothing."""
