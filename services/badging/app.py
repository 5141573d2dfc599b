"""The badging service: a signed badge for everyone who may come, and none for those who may not."""

from pathlib import Path

from services.badging import api, consumers, pages
from services.badging.badges import Badges
from services.badging.files import Files
from services.badging.keys import Keys
from services.badging.settings import BadgingSettings
from shared.platform import Platform
from shared.service import Service
from shared.settings import load


def create(given: Platform) -> Service:
    service = Service(
        "badging",
        given,
        folder=Path(__file__).parent,
        summary="Badges: issue, reissue, revoke; their files; the keys that sign them.",
    )
    settings = load(BadgingSettings)
    keys = Keys(service.database, given.clock, given.settings.home / "keys")
    badges = Badges(
        database=service.database,
        forum=given.forum,
        clock=given.clock,
        keyring=given.keyring,
        keys=keys,
    )
    files = Files(given.forum, at_once=settings.drawn_at_once)
    service.prepares(keys.make_first)
    service.serves(api.router(badges, keys, files), pages.router(badges, files))
    service.hears(consumers.registrations(badges))
    return service
