"""The notifications service: what is written to whom, and whether it arrived."""

from pathlib import Path

from services.notifications import api, consumers
from services.notifications.mailer import Mailer
from services.notifications.mails import Composer
from services.notifications.settings import NotificationsSettings
from shared.platform import Platform
from shared.service import Service
from shared.settings import load


def create(given: Platform) -> Service:
    settings = load(NotificationsSettings)
    service = Service(
        "notifications",
        given,
        folder=Path(__file__).parent,
        summary="Mails to registrants: their texts, their delivery, and the log of it.",
    )
    composer = Composer(
        given.forum,
        settings.sender or given.forum.contact.email,
        rehearsal=given.clock.rehearsal,
    )
    mailer = Mailer(
        service.database,
        composer,
        given.clock,
        settings,
        smtp_url=given.settings.smtp_url,
        badging_url=settings.badging_url or given.settings.public_origin,
        metrics=service.metrics,
    )
    service.serves(api.router(service.database, mailer.wake))
    service.hears(consumers.registrations(service.database, mailer.wake))
    service.runs(mailer.run)
    return service
