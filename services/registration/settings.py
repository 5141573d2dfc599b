"""What can be configured of this service: FORUMPASS_REGISTRATION_…"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RegistrationSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="FORUMPASS_REGISTRATION_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    port: int = Field(default=8001, ge=1, le=65535)
    """Where the service listens when it is a process of its own."""
    burst_per_address: int = Field(default=60, ge=1)
    """Registrations that one network address may send at once: a delegation behind one router."""
    per_minute_per_address: int = Field(default=30, ge=1)
    """And how many a minute after that. The machine itself (loopback) is not limited."""
