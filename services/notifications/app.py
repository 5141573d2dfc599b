"""The notifications service: what is written to whom, and whether it arrived."""

from pathlib import Path

from services.notifications import api, consumers, log_pages, messages, pages, retention
from services.notifications.composing import Composing
from services.notifications.local_mailbox import LocalMailbox
from services.notifications.mailer import Mailer
from services.notifications.mails import Composer
from services.notifications.reminders import Reminders
from services.notifications.settings import NotificationsSettings
from services.notifications.texts import Writer
from shared import sessions
from shared.events import NOTIFICATIONS_STAFF
from shared.pages import install as install_pages
from shared.platform import Platform
from shared.retention import Rule
from shared.service import Service
from shared.settings import load
from shared.wallets import WalletSettings

FOLDER = Path(__file__).parent


def create(given: Platform) -> Service:
    settings = load(NotificationsSettings)
    service = Service(
        "notifications",
        given,
        folder=FOLDER,
        summary="Mails to registrants: their texts, their delivery, and the log of it.",
    )
    writer = Writer(
        given.forum,
        given.settings.public_origin,
        rehearsal=given.clock.rehearsal,
        wallets=load(WalletSettings).offered,
    )
    composer = Composer(given.forum, settings.sender or given.forum.contact.email, writer)
    mailer = Mailer(
        service.database,
        Composing(composer),
        given.clock,
        settings,
        smtp_url=given.settings.smtp_url,
        badging_url=settings.badging_url or given.settings.public_origin,
        metrics=service.metrics,
    )
    install_pages(service.app, FOLDER, "notifications")
    service.serves(
        api.router(service.database, given.clock, mailer.wake),
        pages.router(given.forum, writer, given.settings.public_origin),
        log_pages.router(service.database, given.clock, mailer.wake),
    )
    mailbox = LocalMailbox(service.database, given.settings.mailbox_url)
    service.hears(
        consumers.registrations(service.database, given.forum, mailer.wake, mailbox.wake),
        consumers.sign_ins(service.database, mailer.wake),
        sessions.consumer(NOTIFICATIONS_STAFF, service.database),
    )
    service.runs(mailer.run)
    service.runs(mailbox.run)
    service.runs(
        Reminders(service.database, given.forum, given.clock, settings.reminds_at, mailer.wake).run
    )

    async def bounces() -> int:
        async with service.database.read() as connection:
            return await messages.count_bounces(connection)

    service.counts("mail_bouncing", bounces)
    service.keeps(
        Rule("messages", given.forum.retention.messages_days, retention.forget_recipients)
    )
    return service
