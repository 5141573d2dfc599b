"""HTTP for people at the review desk: the queue, one registration, decisions about many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from services.registration import duplicates, notes, photos, reasons, review, saved_filters, search
from services.registration.api import Reviewer, note_search
from services.registration.forms import clean_reason, clean_text
from services.registration.labels import labels
from services.registration.lifecycle import ALLOWED_FROM, Status, Step
from services.registration.reasons import Reason
from services.registration.registrations import REGISTRANT, SYSTEM, Registrations, TheRegistrations
from services.registration.review import Approval, Decision, Outcome, Refusal
from services.registration.search import ME, NOBODY, Filter, Sort
from shared import audit, caching, countries
from shared.access import Staff
from shared.i18n import NATIVE_NAMES
from shared.pages import OurPages, Pages
from shared.problems import FieldError, Problem, not_found

DESK: Final = "/registration/review"
SCRIPT: Final = Path(__file__).parent / "web" / "desk.js"
ON_A_PAGE: Final = 50
WAITING_DAYS: Final = (1, 3, 7, 14, 30)
NEXT: Final = "next"
"""What a form says that goes from one registration to the next."""
CORRECTED: Final = ("given_name", "family_name", "organization", "country", "email")
"""What is corrected at the desk; the registrants do the rest on their own page."""
LONGEST_NAME: Final = 60
"""Characters of a saved filter's name."""

router = APIRouter(include_in_schema=False)


class Queue(Filter):
    """The queue as its address has it: what is left out means those who wait, the longest first."""

    status: search.MaybeStatus = Status.in_review
    sort: Sort = Sort.waiting
    cursor: Annotated[str, Field(max_length=2000)] = ""
    done: UUID | None = None
    """Whom the reviewer has just dealt with."""
    corrected: bool = False
    """Whether the reviewer has just corrected this one."""

    @cached_property
    def query(self) -> str:
        """What the address of another page of this queue has."""
        passing = {"cursor", "done", "corrected"}
        asked = self.model_dump(mode="json", exclude_defaults=True, exclude=passing)
        return urlencode({name: "" if value is None else value for name, value in asked.items()})

    def address(self, of: UUID | None = None, act: str = "", **more: Any) -> str:
        """The address of the queue, or of one registration in it, or of an act on them."""
        path = (DESK if of is None else f"{DESK}/{of}") + act
        query = "&".join(filter(None, (self.query, urlencode(more))))
        return f"{path}?{query}" if query else path


TheQueue = Annotated[Queue, Query()]
TheForm = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class Desk:
    """What all pages of the desk are made with."""

    request: Request
    of: Registrations
    pages: Pages
    queue: Queue
    by: Staff

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        forum, language = self.of.forum, self.pages.language(self.request)
        return self.pages.render(
            self.request,
            template,
            status,
            queue=self.queue,
            me=ME,
            next=NEXT,
            decisions=self.queue.address(None, "/decisions"),
            nobody=NOBODY,
            reasons=[(each.id, each.text.in_language(language)) for each in forum.decline_reasons],
            category_name=lambda category: forum.category(category).name.in_language(language),
            country_name=lambda code: countries.name(code, language),
            days_since=lambda moment: (self.of.clock.now() - moment) // timedelta(days=1),
            **context,
        )


async def _desk(
    request: Request, of: TheRegistrations, pages: OurPages, by: Reviewer, queue: TheQueue
) -> Desk:
    return Desk(request, of, pages, queue, by)


TheDesk = Annotated[Desk, Depends(_desk)]


@router.get("/desk.js")
async def script() -> Response:
    return caching.for_an_hour(SCRIPT)


@router.get("/review")
async def show_queue(desk: TheDesk) -> Response:
    return await queue_page(desk)


async def queue_page(desk: Desk, problem: str = "", status: int = 200) -> Response:
    of, queue, by = desk.of, desk.queue, desk.by
    queue.known_to(of.forum)
    after = search.read_cursor(queue.sort, queue.cursor) if queue.cursor else None
    now = of.clock.now()
    async with of.database.read() as connection:
        fitting = await search.fitting(connection, queue, by.id, now)
        found = len(fitting)
        among = fitting if found <= search.COUNTED else None
        page = await search.page(
            connection, queue, by.id, now, after=after, among=among, limit=ON_A_PAGE
        )
        possible = await duplicates.find(connection, [row.id for row in page.rows])
        counts = await search.counts(connection)
        delegations = await search.delegations_to_choose(connection)
        reviewers = await search.known_reviewers(connection)
        saved = await saved_filters.of_person(connection, by)
        done = None if queue.done is None else await search.one(connection, queue.done)
    await note_search(of, queue, page.rows if done is None else [*page.rows, done])
    if by.id not in reviewers:
        await review.be_known(of, by)
        reviewers = sorted([*reviewers, by.id])
    return desk.render(
        "review.html",
        status,
        rows=page.rows,
        duplicates=possible,
        following=page.following and search.cursor(queue.sort, page.following),
        found=found,
        most_counted=search.COUNTED,
        counts=counts,
        statuses=list(Status),
        delegations=delegations,
        reviewers=reviewers,
        saved=saved,
        done=done,
        categories=[each.id for each in of.forum.categories],
        countries=countries.choices(desk.pages.language(desk.request)),
        waiting_days=WAITING_DAYS,
        sorts=list(Sort),
        longest_name=LONGEST_NAME,
        problem=problem,
        can_approve=ALLOWED_FROM[Step.approve],
        can_decline=ALLOWED_FROM[Step.decline],
    )


@router.post("/review/filters")
async def save_filter(
    of: TheRegistrations, by: Reviewer, queue: TheQueue, name: TheForm = ""
) -> Response:
    """Without a name nothing is saved: the field asks for one."""
    cleaned = clean_reason(name[:LONGEST_NAME])
    if cleaned is not None:
        async with of.database.begin() as tx:
            await saved_filters.save(tx, cleaned, queue, by)
    return RedirectResponse(queue.address(), 303)


@router.post("/review/filters/remove")
async def remove_filter(
    of: TheRegistrations, by: Reviewer, queue: TheQueue, name: TheForm = ""
) -> Response:
    async with of.database.begin() as tx:
        await saved_filters.remove(tx, name, by)
    return RedirectResponse(queue.address(), 303)


@router.post("/review/decisions")
async def decide(
    desk: TheDesk,
    act: TheForm = "",
    reviewer: TheForm = "",
    reason_id: TheForm = "",
    reason: TheForm = "",
    asked: TheForm = "",
) -> Response:
    of, by = desk.of, desk.by
    ids = _ids([str(one) for one in (await desk.request.form()).getlist("id")])
    if not ids:
        return await queue_page(desk, problem="nothing_selected", status=422)
    match act:
        case "approve":
            outcomes = await review.decide(of, ids, Approval(), by)
        case "assign":
            outcomes = await review.assign(of, ids, _reviewer(reviewer, by), by)
        case "decline":
            given = _reason(of, reason_id, reason)
            if given is None:
                return await _ask_for_a_reason(desk, ids, again=bool(asked))
            outcomes = await review.decide(of, ids, Refusal(given), by)
        case _:
            raise not_found("act")
    return await _tell(desk, act, outcomes)


async def _ask_for_a_reason(desk: Desk, ids: Sequence[UUID], *, again: bool) -> Response:
    async with desk.of.database.read() as connection:
        rows = await search.some(connection, ids)
    await note_search(desk.of, desk.queue, rows)
    return desk.render(
        "review_decline.html", 422 if again else 200, rows=rows, ids=ids, error=again
    )


async def _tell(desk: Desk, act: str, outcomes: Sequence[Outcome]) -> Response:
    states: dict[str, int] = {}
    for each in outcomes:
        if each.row is not None and each.problem is None:
            states[each.row.status] = states.get(each.row.status, 0) + 1
    refused = [each for each in outcomes if each.problem is not None]
    named = [each.row for each in refused if each.row is not None]
    if named:
        await note_search(desk.of, desk.queue, named)
    return desk.render(
        "review_decided.html",
        act=act,
        total=len(outcomes),
        done=sum(states.values()),
        states_reached=states,
        refused=refused,
    )


@router.get("/review/{registration_id}")
async def one(desk: TheDesk, registration_id: UUID) -> Response:
    return await registration_page(desk, registration_id)


async def registration_page(
    desk: Desk,
    registration_id: UUID,
    problem: str = "",
    status: int = 200,
    *,
    values: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
) -> Response:
    of, queue, by = desk.of, desk.queue, desk.by
    row = await of.get(registration_id)
    language = desk.pages.language(desk.request)
    async with of.database.read() as connection:
        previous, following = [
            await search.neighbour(connection, queue, by.id, of.clock.now(), row.id, backwards=back)
            for back in (True, False)
        ]
        context: dict[str, Any] = {
            "acts": await search.acts(connection, row.id),
            "entries": await search.entries(connection, row.id),
            "notes": await notes.all_of(connection, row.id),
            "has_photo": await photos.has_one(connection, row.id),
            "reviewers": sorted({*await search.known_reviewers(connection), by.id}),
            "duplicates": (await duplicates.find(connection, [row.id]))[row.id],
            "done": None if queue.done is None else await search.one(connection, queue.done),
        }
    named = [row, *(each.registration for each in context["duplicates"]), context["done"]]
    about = {each.id for each in named if each is not None}
    await audit.note_read(of.database, of.clock.now(), "registration.read", about)
    return desk.render(
        "review_one.html",
        status,
        registration=row,
        category=of.forum.category(row.category),
        country=countries.name(row.country, language),
        days=[of.forum.days[index] for index in row.days],
        previous=previous,
        following=following,
        labels=labels(desk.pages.gettext_in(language)),
        language_name=lambda code: NATIVE_NAMES.get(code, code),
        registrant=REGISTRANT,
        system=SYSTEM,
        can_approve=row.status in ALLOWED_FROM[Step.approve],
        can_decline=row.status in ALLOWED_FROM[Step.decline],
        can_note=row.status in ALLOWED_FROM[Step.note],
        can_correct=row.status in ALLOWED_FROM[Step.amend],
        can_cancel=row.status in ALLOWED_FROM[Step.cancel],
        corrections=values or {name: getattr(row, name) for name in CORRECTED},
        errors={error.field: error for error in errors},
        countries=countries.choices(language),
        problem=problem,
        **context,
    )


@router.post("/review/{registration_id}/approve")
async def approve(desk: TheDesk, registration_id: UUID, then: TheForm = "") -> Response:
    return await _decide_one(desk, registration_id, Approval(), then)


@router.post("/review/{registration_id}/decline")
async def decline(
    desk: TheDesk,
    registration_id: UUID,
    reason_id: TheForm = "",
    reason: TheForm = "",
    then: TheForm = "",
) -> Response:
    given = _reason(desk.of, reason_id, reason)
    if given is None:
        return await registration_page(desk, registration_id, "reason", 422)
    return await _decide_one(desk, registration_id, Refusal(given), then)


@router.post("/review/{registration_id}/note")
async def write_note(desk: TheDesk, registration_id: UUID, text: TheForm = "") -> Response:
    words = clean_text(text)
    if words is None:
        return await registration_page(desk, registration_id, "note", 422)
    await notes.write(desk.of, registration_id, words, desk.by)
    return RedirectResponse(f"{desk.queue.address(registration_id)}#notes", 303)


@router.post("/review/{registration_id}/assign")
async def assign(desk: TheDesk, registration_id: UUID, reviewer: TheForm = "") -> Response:
    chosen = _reviewer(reviewer, desk.by)
    [outcome] = await review.assign(desk.of, [registration_id], chosen, desk.by)
    if outcome.problem is not None:
        raise outcome.problem
    return RedirectResponse(desk.queue.address(registration_id), 303)


async def _decide_one(desk: Desk, registration_id: UUID, decision: Decision, then: str) -> Response:
    """Decide, and go on: to the next of the queue if the reviewer goes from one to the next."""
    of, queue, now = desk.of, desk.queue, desk.of.clock.now()
    async with of.database.read() as connection:
        following = await search.neighbour(connection, queue, desk.by.id, now, registration_id)
    [outcome] = await review.decide(of, [registration_id], decision, desk.by)
    if outcome.problem is not None:
        return await tell_who_was_quicker(desk, registration_id, outcome.problem)
    onwards = following if then == NEXT else None
    return RedirectResponse(queue.address(onwards, done=registration_id), 303)


async def tell_who_was_quicker(desk: Desk, registration_id: UUID, problem: Problem) -> Response:
    """The page again where the state does not allow the step any more.

    Raises:
        Problem: it is another one.
    """
    if problem.status != 409:
        raise problem
    return await registration_page(desk, registration_id, "quicker", 409)


def _reviewer(chosen: str, by: Staff) -> str | None:
    """Whom the field means."""
    match chosen:
        case "" | search.NOBODY:
            return None
        case search.ME:
            return by.id
    return chosen


def _reason(of: Registrations, prepared_id: str, words: str) -> Reason | None:
    """The reason that a form gives; None where it gives none that can be mailed."""
    if words.strip() and clean_reason(words) is None:
        return None
    try:
        return reasons.reason(of.forum, prepared_id or None, clean_reason(words))
    except Problem:
        return None


def _ids(given: Sequence[str]) -> list[UUID]:
    """The registrations that a form names.

    Raises:
        Problem: 404, one of them can be none.
    """
    try:
        return [UUID(one) for one in given[: search.MOST]]
    except ValueError:
        raise not_found("registration") from None
