"""Which phone wallets this deployment offers its badge for: those that it has keys of.

All services read the settings, to know what to offer; badging alone reads the files that they name.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Wallet(StrEnum):
    apple = "apple"
    google = "google"

    @property
    def suffix(self) -> str:
        """What a badge's files link has for `{suffix}` to lead into this wallet."""
        return ".pkpass" if self is Wallet.apple else ".google-wallet"


class WalletSettings(BaseSettings):
    """FORUMPASS_WALLET_…, all or none of a wallet's."""

    model_config = SettingsConfigDict(
        env_prefix="FORUMPASS_WALLET_",
        env_file=".env",
        extra="ignore",
        env_ignore_empty=True,
        validate_default=True,
    )

    apple_certificate: Path | None = None
    """PEM of the Pass Type ID certificate: who passes come from stands in it."""
    apple_key: Path | None = None
    """PEM of its private key."""
    apple_key_password: SecretStr | None = None
    apple_authority: Path | None = None
    """PEM of Apple's certificate that signed it (Worldwide Developer Relations)."""
    google_key: Path | None = None
    """JSON of the service account, as Google's console gives it."""
    google_issuer: str | None = None
    """The issuer's id in Google's Wallet console, of digits."""

    # At the last field of each: an error repeats the value that it is at, and no password.
    @field_validator("apple_authority")
    @classmethod
    def _apple_is_whole(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        others = (info.data.get("apple_certificate"), info.data.get("apple_key"))
        if {bool(value), *map(bool, others)} == {True, False}:
            raise ValueError("APPLE_CERTIFICATE, APPLE_KEY and APPLE_AUTHORITY go together")
        return value

    @field_validator("google_issuer")
    @classmethod
    def _google_is_whole(cls, value: str | None, info: ValidationInfo) -> str | None:
        if bool(value) != bool(info.data.get("google_key")):
            raise ValueError("GOOGLE_KEY and GOOGLE_ISSUER go together")
        return value

    @property
    def offered(self) -> tuple[Wallet, ...]:
        """The wallets that there are keys of."""
        apple = (Wallet.apple,) if self.apple_key else ()
        google = (Wallet.google,) if self.google_key else ()
        return apple + google
