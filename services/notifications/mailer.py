"""Sends what is queued: claims messages, writes each anew, hands it over, notes what came of it.

No transaction is open while we talk to badging or to the mail server. A mail goes out twice
where the mail server has taken it and we do not come to know that, or to note it: the connection
breaks or `attempt_seconds` end before its word reaches us, or this process, or the database for a
minute, dies after that. Both copies have the same Message-ID, by which mail programs know them for
one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages
from services.notifications.composing import Composing, Mistake
from services.notifications.files import FileStore, NoFiles
from services.notifications.mail_server import NO_SUCH_MAILBOX_NAME, MailServer, NotTaken, Refused
from services.notifications.mails import Draft, UnusableAddress
from services.notifications.matters import AWAITED, UNHURRIED, Kind
from services.notifications.messages import Claimed, Status
from services.notifications.settings import NotificationsSettings
from shared import outbox, trace
from shared.clock import Clock
from shared.database import Database
from shared.events import Event, Fact, NotificationBounced, NotificationSent

log = structlog.get_logger()

POLL_SECONDS: Final = 1.0
"""How soon a message is found whose time has come, or whose writer could not wake us."""
REST_SECONDS: Final = 0.03
"""Between two turns while mails are in hand: so that more of them share the next."""
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


@dataclass(frozen=True)
class Done:
    """An attempt that is over and not noted yet."""

    claimed: Claimed
    outcome: Outcome
    noted_until: float
    """By the event loop's clock; after that it is somebody else's."""


class Mailer:
    """Works for ever on the queue of messages. Several replicas may run: rows are locked.

    What goes to everybody at the same hour takes half of the hands at most, and comes after the
    rest: whoever registers meanwhile waits no longer than on any other day. What somebody waits for
    before a screen comes before all.

    One transaction at a time notes what has become of mails and takes others into the hands that
    are free: the more there is to do, the more mails share it.
    """

    def __init__(
        self,
        database: Database,
        composing: Composing,
        clock: Clock,
        settings: NotificationsSettings,
        *,
        smtp_url: str | None,
        badging_url: str,
        metrics: CollectorRegistry,
    ) -> None:
        self._database = database
        self._composing = composing
        self._clock = clock
        self._settings = settings
        self._smtp_url = smtp_url
        self._badging_url = badging_url
        self._lease = timedelta(seconds=settings.attempt_seconds + settings.note_seconds + 30)
        self._woken = asyncio.Event()
        self._in_hand: dict[asyncio.Task[None], Kind] = {}
        self._done: list[Done] = []
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
        turn: asyncio.Task[bool] | None = None
        try:
            while True:
                self._woken.clear()
                turn = asyncio.create_task(self._turn(server, files))
                # Shielded: what was claimed in the moment of a cancellation would lie in nobody's
                # hands until its lease ends.
                if not await asyncio.shield(turn):
                    await self._wait(server)
                if self._in_hand:
                    await asyncio.sleep(REST_SECONDS)
        finally:
            await self._finish(turn)
            await server.close_idle(longer_than=0)
            await files.close()

    async def _turn(self, server: MailServer, files: FileStore) -> bool:
        """Note what is done, and begin with what is due; answers whether there may be more."""
        hands = self._settings.concurrency - len(self._in_hand)
        claimed = await self._note_and_claim(hands)
        for message in claimed:
            task = asyncio.create_task(self._deliver(message, server, files))
            self._in_hand[task] = message.matter.kind
            task.add_done_callback(self._put_down)
        return 0 < len(claimed) == hands

    async def _note_and_claim(self, hands: int) -> Sequence[Claimed]:
        done = list(self._done)
        if not done and not hands:
            return []
        try:
            async with self._database.begin() as tx:
                await self._note(tx, done)
                claimed = await self._claim(tx, hands)
        except (SQLAlchemyError, OSError) as error:
            log.warning("mailer.database_unavailable", error=type(error).__name__)
            self._give_up_noting()
            return []
        self._done = self._done[len(done) :]
        return claimed

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

    async def _finish(self, turn: asyncio.Task[bool] | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                if turn is not None:
                    await asyncio.wait({turn})
                if self._in_hand:
                    await asyncio.wait(self._in_hand)
                await self._note_and_claim(hands=0)
                while self._done:
                    await asyncio.sleep(0.5)
                    await self._note_and_claim(hands=0)
        late: list[asyncio.Task[Any]] = [*self._in_hand, *([turn] if turn else [])]
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
            match outcome:
                case Sent():
                    log.info("mail.sent")
                case Bounced(code):
                    log.warning("mail.bounced", code=code)
                case Postponed():
                    log.warning("mail.postponed")
        until = asyncio.get_running_loop().time() + self._settings.note_seconds
        self._done.append(Done(claimed, outcome, until))

    async def _attempt(self, claimed: Claimed, server: MailServer, files: FileStore) -> Outcome:
        try:
            async with asyncio.timeout(self._settings.attempt_seconds):
                draft = await self._draft(claimed, files)
                await server.send(await self._composing.compose(draft))
        except Refused as error:
            return Bounced(error.code, str(error))
        except UnusableAddress:
            return Bounced(NO_SUCH_MAILBOX_NAME, "not an address that mail can go to")
        except (NoFiles, NotTaken) as error:
            return Postponed(str(error))
        except TimeoutError:
            return Postponed(f"took longer than {self._settings.attempt_seconds:g} seconds")
        except Exception as error:
            # It must stop neither the other mails nor this one for good.
            mistake = Mistake.behind(error)
            log.error("mail.cannot_be_written", error=mistake.kind, at=mistake.place)
            return Postponed(f"cannot be written ({mistake.kind})")
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

    async def _note(self, tx: AsyncConnection, done: Sequence[Done]) -> None:
        """Write down what came of each."""
        sent = [each.claimed for each in done if isinstance(each.outcome, Sent)]
        ours = await messages.mark_sent(tx, sent)
        said = [
            self._event(each, NotificationSent(**_about(each))) for each in sent if each.id in ours
        ]
        for each in done:
            claimed = each.claimed
            match each.outcome:
                case Bounced(code, answer):
                    if await messages.mark_bounced(tx, claimed, answer):
                        fact = NotificationBounced(**_about(claimed), smtp_code=code)
                        said.append(self._event(claimed, fact))
                case Postponed(reason):
                    await self._postpone(tx, claimed, reason)
        await outbox.say(tx, *said)

    async def _postpone(self, tx: AsyncConnection, claimed: Claimed, reason: str) -> None:
        pause = self._pause(claimed.attempt)
        if await messages.retry(tx, claimed, reason, pause, self._patience) is Status.failed:
            log.error("mail.failed", message_id=str(claimed.id), kind=claimed.matter.kind)

    def _give_up_noting(self) -> None:
        """Leave what could not be noted for too long to whoever has it next."""
        now = asyncio.get_running_loop().time()
        late = [each for each in self._done if each.noted_until < now]
        for each in late:
            log.warning("mail.outcome_not_noted", message_id=str(each.claimed.id))
        self._done = [each for each in self._done if each not in late]

    def _event(self, claimed: Claimed, fact: Fact) -> Event:
        hop = trace.next_hop(claimed.traceparent)
        return Event("/notifications", self._clock.now(), fact, traceparent=hop)

    @property
    def _patience(self) -> timedelta:
        return timedelta(hours=self._settings.give_up_hours)

    def _pause(self, attempt: int) -> timedelta:
        doublings = min(attempt - 1, 32)  # 2 to the power of 33 seconds are 272 years
        seconds = self._settings.first_retry_seconds * 2.0**doublings
        return timedelta(seconds=min(seconds, self._settings.longest_retry_seconds))


def _about(claimed: Claimed) -> dict[str, Any]:
    """What is said of every message."""
    return {
        "message_id": claimed.id,
        "registration_id": claimed.registration_id,
        "kind": claimed.matter.kind,
    }
