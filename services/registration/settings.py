"""What can be configured of this service: FORUMPASS_REGISTRATION_…"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
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
    oidc_client_id: str = ""
    """What the identity provider calls us."""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_name: str = "single sign-on"
    """What the button on the sign-in page calls the provider."""
    oidc_issuer: Annotated[str, Field(validate_default=True)] = ""
    """The identity provider at which staff may sign in, as it calls itself: https://…; empty: none.
    It is asked for its configuration at /.well-known/openid-configuration."""

    # Of this field, and last: an error repeats what was given, which must not be the secret.
    @field_validator("oidc_issuer")
    @classmethod
    def _oidc_is_whole(cls, value: str, info: ValidationInfo) -> str:
        secret = info.data.get("oidc_client_secret", SecretStr(""))
        client = bool(info.data.get("oidc_client_id")), bool(secret.get_secret_value())
        if client != (bool(value), bool(value)):
            raise ValueError("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together")
        parts = urlsplit(value)
        if value and (parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1")):
            raise ValueError("must begin with https://")
        return value
