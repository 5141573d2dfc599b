"""What a service is given when it is made: the ground that it stands on in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared import forum as forums
from shared.access import Keyring, ShortSecret, open_keyring
from shared.bus import Bus
from shared.bus.embedded import EmbeddedBus
from shared.bus.rabbitmq import RabbitMQBus
from shared.clock import Clock, read_clock
from shared.forum import Forum, ForumFileError
from shared.settings import Settings, WrongSetting


@dataclass(frozen=True)
class Platform:
    """Settings and the things made of them. Services of one process share it."""

    settings: Settings
    database_url: str
    forum: Forum
    clock: Clock
    keyring: Keyring
    bus_for: Callable[[str], Bus]
    """The bus, as the named service connects to it."""


def build(settings: Settings, database_url: str | None = None) -> Platform:
    """Make the platform that the settings describe.

    Raises:
        WrongSetting: a setting is missing, or names a file that can't be used.
    """
    database = database_url or settings.database_url
    if database is None:
        raise WrongSetting("FORUMPASS_DATABASE_URL is not set: name a PostgreSQL server")
    try:
        forum = forums.load(settings.forum)
    except (OSError, ForumFileError) as error:
        raise WrongSetting(f"FORUMPASS_FORUM: {error}") from None
    try:
        keyring = open_keyring(settings.secret_path)
    except (OSError, ShortSecret) as error:
        raise WrongSetting(f"FORUMPASS_SECRET_FILE: {error}") from None
    return Platform(
        settings=settings,
        database_url=database,
        forum=forum,
        clock=read_clock(settings.clock),
        keyring=keyring,
        bus_for=_bus_maker(settings),
    )


def _bus_maker(settings: Settings) -> Callable[[str], Bus]:
    url = settings.bus_url
    if url is not None:
        return lambda service: RabbitMQBus(url, service)
    listeners: dict[str, EmbeddedBus] = {}
    return lambda _: EmbeddedBus(listeners)
