"""The check-in service: the gates, who passes them, and who is inside."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from services.checkin import (
    api,
    consumers,
    evacuation_api,
    evacuation_pages,
    exports_api,
    forgetting,
    holds_pages,
    live_api,
    pages,
    reckoning_api,
    report_api,
)
from services.checkin.devices import WRONG_CODES_AT_ONCE, WRONG_CODES_PER_SECOND
from services.checkin.gates import Gates
from services.checkin.keys import VerifyingKeys
from services.checkin.live import Live
from services.checkin.news import News
from services.checkin.replica import Replica
from services.checkin.reports import Reports
from services.checkin.room import Room
from services.checkin.scan_outbox import ScanOutbox
from services.checkin.settings import CheckinSettings
from services.checkin.siblings import Siblings
from services.checkin.tables import participants
from services.checkin.turnstile import Turnstile
from services.checkin.watchman import Watchman
from shared import sessions
from shared.downloads import Downloads
from shared.events import CHECKIN_STAFF
from shared.limits import RateLimit
from shared.name_folding import keep_folding
from shared.pages import install as install_pages
from shared.platform import Platform
from shared.service import Service
from shared.settings import load

FOLDER = Path(__file__).parent


def create(given: Platform) -> Service:
    settings = load(CheckinSettings)
    service = Service(
        "checkin",
        given,
        folder=FOLDER,
        summary="Gates, devices, scans, presence, and the live figures.",
        plan_once=True,
    )
    news = News(service.database)
    siblings = Siblings(service.database)
    live = Live(siblings, also=news.changed)
    siblings.hear = live.heard
    keys = VerifyingKeys(service.database)
    gates = Gates(
        database=service.database,
        forum=given.forum,
        clock=given.clock,
        keys=keys,
        live=live,
        replica=Replica(service.database, given.clock),
        news=news,
        scan_outbox=ScanOutbox(),
        origin=given.settings.public_origin,
        enrolment_lifetime=timedelta(minutes=settings.enrolment_minutes),
        wrong_codes=RateLimit(WRONG_CODES_AT_ONCE, WRONG_CODES_PER_SECOND),
    )

    turnstile = Turnstile(gates)
    room = Room(gates, turnstile.lull)
    service.app.state.gates = gates
    service.app.state.turnstile = turnstile
    service.app.state.room = room
    service.app.state.reports = Reports(service.database, given.forum, given.clock)
    service.app.state.downloads = Downloads(
        service.database, given.forum, given.clock, given.settings.home
    )

    install_pages(service.app, FOLDER, "checkin")
    service.serves(api.router, live_api.router, exports_api.router, reckoning_api.router)
    service.serves(evacuation_api.router, evacuation_pages.router)
    service.serves(holds_pages.router, pages.router)
    service.serves(report_api.router, report_api.pages_router)
    service.serves_at_once("/api/scans", api.scan)
    service.says(gates.scan_outbox, rest=turnstile.lull.come)
    service.hears(
        consumers.replica(service.database, live, keys),
        consumers.troubles(gates),
        sessions.consumer(CHECKIN_STAFF, service.database),
    )
    service.keeps(*forgetting.rules(given.forum.retention))
    service.runs(siblings.run)
    service.runs(room.run)
    service.runs(room.draw_curves)
    service.runs(Watchman(gates).run)
    service.runs(news.run)
    service.runs(partial(keep_folding, service.database, participants))
    return service
