"""Sends what is queued: claims messages, writes each anew, hands it over, notes what came of it.

No transaction is open while we talk to badging or to the mail server. A mail may go out twice in
one case only: this process, or the database for a minute, dies between the mail server's word
and our note of it. Both copies have the same Message-ID, by which mail programs know them for one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages
from services.notifications.files import FileStore, NoFiles
from services.notifications.mail_server import NO_SUCH_MAILBOX_NAME, MailServer, NotTaken, Refused
from services.notifications.mails import Composer, Draft, UnusableAddress
from services.notifications.matters import AWAITED, UNHURRIED, Kind
from services.notifications.messages import Claimed, Status
from services.notifications.settings import NotificationsSettings
from shared import outbox, trace
from shared.clock import Clock
from shared.database import Database
from shared.events import Event, NotificationBounced, NotificationSent

log = structlog.get_logger()

POLL_SECONDS: Final = 1.0
"""How soon a message is found whose time has come, or whose writer could not wake us."""
AT_ONCE: Final = tuple(kind for kind in Kind if kind not in (*AWAITED, *UNHURRIED))
FINISH_SECONDS: Final = 8.0
"""What is in hand when we stop has this long to end well."""


@dataclass(frozen=True)
class Sent:
    pass


@dataclass(frozen=True)
class Postponed:
    reason: str


@dataclass(frozen=True)
class Bounced:
    code: int
    answer: str


Outcome = Sent | Postponed | Bounced


class Mailer:
    """Works for ever on the queue of messages. Several replicas may run: rows are locked.

    What goes to everybody at the same hour takes half of the hands at most, and comes after the
    rest: whoever registers meanwhile waits no longer than on any other day. What somebody waits for
    before a screen comes before all.
    """

    def __init__(
        self,
        database: Database,
        composer: Composer,
        clock: Clock,
        settings: NotificationsSettings,
        *,
        smtp_url: str | None,
        badging_url: str,
        metrics: CollectorRegistry,
    ) -> None:
        self._database = database
        self._composer = composer
        self._clock = clock
        self._settings = settings
        self._smtp_url = smtp_url
        self._badging_url = badging_url
        self._lease = timedelta(seconds=settings.attempt_seconds + settings.note_seconds + 30)
        self._woken = asyncio.Event()
        self._in_hand: dict[asyncio.Task[None], Kind] = {}
        self._outcomes = Counter(
            "mails",
            "Attempts to send a mail, by what became of them",
            ["outcome"],
            registry=metrics,
        )

    def wake(self) -> None:
        """There may be something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Send for ever; ends by cancellation, when what is in hand is done."""
        if self._smtp_url is None:
            log.warning("mailer.no_mail_server", hint="FORUMPASS_SMTP_URL is not set; mails wait")
            return
        server = MailServer(self._smtp_url)
        files = FileStore(self._badging_url)
        taking: asyncio.Task[bool] | None = None
        try:
            while True:
                self._woken.clear()
                taking = asyncio.create_task(self._take(server, files))
                # Shielded: what was claimed in the moment of a cancellation would lie in nobody's
                # hands until its lease ends.
                if not await asyncio.shield(taking):
                    await self._wait(server)
        finally:
            await self._finish(taking)
            await server.close_idle(longer_than=0)
            await files.close()

    async def _take(self, server: MailServer, files: FileStore) -> bool:
        """Begin with what is due, as far as there are hands; answers whether there may be more."""
        hands = self._settings.concurrency - len(self._in_hand)
        if hands == 0:
            return False
        try:
            async with self._database.begin() as tx:
                claimed = await self._claim(tx, hands)
        except (SQLAlchemyError, OSError) as error:
            log.warning("mailer.database_unavailable", error=type(error).__name__)
            return False
        for message in claimed:
            task = asyncio.create_task(self._deliver(message, server, files))
            self._in_hand[task] = message.matter.kind
            task.add_done_callback(self._put_down)
        return len(claimed) == hands

    async def _claim(self, tx: AsyncConnection, hands: int) -> list[Claimed]:
        claimed: list[Claimed] = []
        for kinds, most in (
            (AWAITED, hands),
            (AT_ONCE, hands),
            (UNHURRIED, self._hands_for_the_unhurried()),
        ):
            free = min(hands - len(claimed), most)
            if free > 0:
                claimed += await messages.claim(tx, free, self._lease, kinds)
        return claimed

    def _hands_for_the_unhurried(self) -> int:
        busy = sum(kind in UNHURRIED for kind in self._in_hand.values())
        return (self._settings.concurrency + 1) // 2 - busy

    def _put_down(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task]
        self._woken.set()

    async def _wait(self, server: MailServer) -> None:
        try:
            # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the
            # event (python/cpython#86296), and the service never stops.
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            await server.close_idle()

    async def _finish(self, taking: asyncio.Task[bool] | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                if taking is not None:
                    await asyncio.wait({taking})
                if self._in_hand:
                    await asyncio.wait(self._in_hand)
        late: list[asyncio.Task[Any]] = [*self._in_hand, *([taking] if taking else [])]
        for task in late:  # the lease gives them to whoever comes after us
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _deliver(self, claimed: Claimed, server: MailServer, files: FileStore) -> None:
        trace.follow(claimed.traceparent)
        with structlog.contextvars.bound_contextvars(
            message_id=str(claimed.id), kind=claimed.matter.kind, attempt=claimed.attempt
        ):
            outcome = await self._attempt(claimed, server, files)
            self._outcomes.labels(type(outcome).__name__.lower()).inc()
            await self._note(claimed, outcome)

    async def _attempt(self, claimed: Claimed, server: MailServer, files: FileStore) -> Outcome:
        try:
            async with asyncio.timeout(self._settings.attempt_seconds):
                draft = await self._draft(claimed, files)
                # In a thread: a badge mail is tens of milliseconds of work, and gates may wait.
                mail = await asyncio.to_thread(self._composer.compose, draft)
                await server.send(mail)
        except Refused as error:
            return Bounced(error.code, str(error))
        except UnusableAddress:
            return Bounced(NO_SUCH_MAILBOX_NAME, "not an address that mail can go to")
        except (NoFiles, NotTaken) as error:
            return Postponed(str(error))
        except TimeoutError:
            return Postponed(f"took longer than {self._settings.attempt_seconds:g} seconds")
        except Exception as error:
            # Our own mistake in one mail must stop neither the others nor this one for good. Its
            # text may quote the person, so only its place is logged.
            log.error("mail.cannot_be_written", error=type(error).__name__, at=_place(error))
            return Postponed(f"cannot be written ({type(error).__name__})")
        return Sent()

    async def _draft(self, claimed: Claimed, files: FileStore) -> Draft:
        matter = claimed.matter
        return Draft(
            message_id=claimed.id,
            to=claimed.to,
            matter=matter,
            trace_id=trace.trace_id(),
            # Mail is dated in wall time: mail programs don't live in a rehearsal.
            written_at=Clock.wall(),
            files=await files.fetch(matter),
        )

    async def _note(self, claimed: Claimed, outcome: Outcome) -> None:
        """Write down what came of it, also when the database is away for a while."""
        deadline = asyncio.get_running_loop().time() + self._settings.note_seconds
        while True:
            try:
                async with self._database.begin() as tx:
                    await self._note_in(tx, claimed, outcome)
                return
            except (SQLAlchemyError, OSError) as error:
                log.warning("mail.outcome_not_noted", error=type(error).__name__)
                if asyncio.get_running_loop().time() > deadline:
                    return
                await asyncio.sleep(0.5)

    async def _note_in(self, tx: AsyncConnection, claimed: Claimed, outcome: Outcome) -> None:
        match outcome:
            case Sent():
                if await messages.mark_sent(tx, claimed):
                    await self._say_sent(tx, claimed)
                log.info("mail.sent")
            case Bounced(code, answer):
                if await messages.mark_bounced(tx, claimed, answer):
                    await self._say_bounced(tx, claimed, code)
                log.warning("mail.bounced", code=code)
            case Postponed(reason):
                status = await messages.retry(
                    tx, claimed, reason, self._pause(claimed.attempt), self._patience
                )
                if status is Status.failed:
                    log.error("mail.failed")
                else:
                    log.warning("mail.postponed")

    async def _say_sent(self, tx: AsyncConnection, claimed: Claimed) -> None:
        fact = NotificationSent(
            message_id=claimed.id,
            registration_id=claimed.registration_id,
            kind=claimed.matter.kind,
        )
        await outbox.say(tx, Event("/notifications", self._clock.now(), fact))

    async def _say_bounced(self, tx: AsyncConnection, claimed: Claimed, code: int) -> None:
        fact = NotificationBounced(
            message_id=claimed.id,
            registration_id=claimed.registration_id,
            kind=claimed.matter.kind,
            smtp_code=code,
        )
        await outbox.say(tx, Event("/notifications", self._clock.now(), fact))

    @property
    def _patience(self) -> timedelta:
        return timedelta(hours=self._settings.give_up_hours)

    def _pause(self, attempt: int) -> timedelta:
        doublings = min(attempt - 1, 32)  # 2 to the power of 33 seconds are 272 years
        seconds = self._settings.first_retry_seconds * 2.0**doublings
        return timedelta(seconds=min(seconds, self._settings.longest_retry_seconds))


def _place(error: Exception) -> str:
    """Where an error was raised: file and line, without the values at hand."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "unknown"
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
