"""The check-in service: the gates, who passes them, and who is inside."""

from datetime import timedelta
from pathlib import Path

from services.checkin import api, consumers, pages
from services.checkin.devices import WRONG_CODES_AT_ONCE, WRONG_CODES_PER_SECOND
from services.checkin.gates import Gates
from services.checkin.keys import VerifyingKeys
from services.checkin.live import LiveFigures
from services.checkin.news import News
from services.checkin.participants import keep_folding
from services.checkin.replica import Replica
from services.checkin.settings import CheckinSettings
from shared.limits import RateLimit
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
    )
    news = News(service.database)
    live = LiveFigures(service.database, given.forum, given.clock, also=news.changed)
    keys = VerifyingKeys(service.database)
    service.app.state.gates = Gates(
        database=service.database,
        forum=given.forum,
        clock=given.clock,
        keys=keys,
        live=live,
        replica=Replica(service.database, given.clock),
        news=news,
        origin=given.settings.public_origin,
        enrolment_lifetime=timedelta(minutes=settings.enrolment_minutes),
        wrong_codes=RateLimit(WRONG_CODES_AT_ONCE, WRONG_CODES_PER_SECOND),
    )

    async def fold_names() -> None:
        await keep_folding(service.database)

    install_pages(service.app, FOLDER, "checkin")
    service.serves(api.router, pages.router)
    service.hears(consumers.replica(service.database, live, keys))
    service.runs(live.run)
    service.runs(news.run)
    service.runs(fold_names)
    return service
