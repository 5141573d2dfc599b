"""Settings that all services share: environment variables FORUMPASS_…, or the file `.env`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.clock import InvalidClock, read_clock

_PASSWORD = re.compile(r"(://[^:/@\s]*:)\S*@")
REPOSITORY = Path(__file__).resolve().parent.parent


class WrongSetting(Exception):
    """One sentence that names the setting and what is wrong with it."""


class Settings(BaseSettings):
    """What every service and the command line need to know. All optional on one machine."""

    model_config = SettingsConfigDict(
        env_prefix="FORUMPASS_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    home: Path = REPOSITORY / "var"
    """State: databases, keys, mailbox."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Public port of the one-machine form."""
    bind: str = "127.0.0.1"
    """Address a service process listens on."""
    origin: str = ""
    """Public URL; empty: http://127.0.0.1:PORT."""
    forum: Path = REPOSITORY / "deploy" / "forum.toml"
    clock: str | None = None
    """Rehearsal time, see shared/clock.py."""
    database_url: str | None = None
    """A PostgreSQL server; unset: embedded."""
    bus_url: str | None = None
    """amqp://…; unset: in process."""
    smtp_url: str | None = None
    """smtp://user:pass@host:port; unset: the local mailbox."""
    mailbox_url: str | None = None
    """A local mailbox's pages, http://…/mailbox/, which are to forget whom we forget; unset: mails
    are kept by nobody here."""
    secret_file: Path | None = None
    """The deployment's secret; unset: HOME/secret."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    trusted_proxies: str = "127.0.0.1"
    """Addresses whose X-Forwarded-For is believed, comma-separated."""

    @field_validator("log_level", mode="before")
    @classmethod
    def _level_in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("clock")
    @classmethod
    def _clock_can_be_read(cls, value: str | None) -> str | None:
        try:
            read_clock(value)
        except InvalidClock as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("origin")
    @classmethod
    def _origin_is_http(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(_url(value, "http", "https").rstrip("/"))
        if parts.path or parts.query or parts.fragment:
            raise ValueError("must end with the host or its port: the services add the paths")
        return parts.geturl()

    @field_validator("database_url")
    @classmethod
    def _database_is_postgresql(cls, value: str | None) -> str | None:
        return value and _url(value, "postgresql", "postgres", host_needed=False)

    @field_validator("bus_url")
    @classmethod
    def _bus_is_amqp(cls, value: str | None) -> str | None:
        return value and _url(value, "amqp", "amqps")

    @field_validator("smtp_url")
    @classmethod
    def _mail_is_smtp(cls, value: str | None) -> str | None:
        return value and _url(value, "smtp", "smtps")

    @property
    def public_origin(self) -> str:
        return self.origin or f"http://127.0.0.1:{self.port}"

    @property
    def secret_path(self) -> Path:
        return self.secret_file or self.home / "secret"


S = TypeVar("S", bound=BaseSettings)


def load(kind: type[S], **given: Any) -> S:
    """Read settings of a kind.

    Raises:
        WrongSetting: with one sentence that names the first wrong value.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        prefix = str(kind.model_config.get("env_prefix", ""))
        name = prefix + "_".join(str(part) for part in first["loc"]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        # The sentence goes to a log, and addresses hold passwords.
        value = _PASSWORD.sub(r"\1***@", repr(first["input"]))
        raise WrongSetting(f"{name}={value}: {reason}") from None


def _url(value: str, *schemes: str, host_needed: bool = True) -> str:
    """The value, if it is an address that can be used."""
    if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port  # the port is read when asked for
    except ValueError:  # whose words may hold a piece of the password
        raise ValueError("is no address; write @ : / # in a password as %40 %3A %2F %23") from None
    if host_needed and not host:
        raise ValueError("must name a host")
    return value
