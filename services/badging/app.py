"""The badging service: a signed badge for everyone who may come, and none for those who may not."""

from functools import partial
from pathlib import Path

from services.badging import (
    api,
    certificates_api,
    certificates_pages,
    consumers,
    desk_pages,
    keys_api,
    pages,
    retention,
    runs_pages,
    sheets_api,
    wallets_api,
)
from services.badging.attendance import attendance
from services.badging.badges import Badges
from services.badging.certificates import Certificates
from services.badging.files import Files
from services.badging.keys import Keys
from services.badging.settings import BadgingSettings
from services.badging.sheets import Printer
from services.badging.tables import holders
from services.badging.wallets_api import open_wallets
from shared import sessions
from shared.events import BADGING_STAFF
from shared.name_folding import keep_folding
from shared.pages import install as install_pages
from shared.platform import Platform
from shared.service import Service
from shared.settings import load
from shared.wallets import WalletSettings

FOLDER = Path(__file__).parent


def create(given: Platform) -> Service:
    service = Service(
        "badging",
        given,
        folder=FOLDER,
        summary="Badges and certificates, their files, and the keys that sign badges.",
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
    certificates = Certificates(service.database, given.forum, given.clock, given.keyring)
    files = Files(
        given.forum,
        origin=given.settings.public_origin,
        rehearsal=given.clock.rehearsal,
        at_once=settings.drawn_at_once,
    )

    install_pages(service.app, FOLDER, "badging")
    service.prepares(keys.make_first)
    # Before the badge itself, whose path takes any ending for a part of the id.
    service.serves(wallets_api.router(badges, open_wallets(given.forum, load(WalletSettings))))
    service.serves(api.router(badges, files), pages.router(badges, files))
    printer = Printer(service.database, given.forum, given.clock)
    # Print runs before a badge: "runs" is no badge's id.
    service.serves(sheets_api.router(printer), runs_pages.router(printer))
    service.serves(desk_pages.router(badges))
    service.serves(keys_api.router(keys))
    service.serves(
        certificates_api.router(badges, certificates, files),
        certificates_pages.router(badges, certificates, files),
    )
    service.hears(
        consumers.registrations(badges),
        attendance(service.database, given.forum),
        sessions.consumer(BADGING_STAFF, service.database),
    )
    service.keeps(*retention.rules(given.forum.retention))
    service.runs(certificates.run)
    service.runs(partial(keep_folding, service.database, holders))
    return service
