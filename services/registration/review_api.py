"""HTTP for programs at the review desk: decisions about many, notes, assignment, history, files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.registration import notes, reasons, review, saved_filters, search
from services.registration.api import Decline, Reviewer, bearer_scheme, body_of, documents_body
from services.registration.exports import ABOUT, columns, registrations_export
from services.registration.forms import Line, OptionalText, clean_line, read_form
from services.registration.lifecycle import Status, Step
from services.registration.registrations import Registrations, TheRegistrations
from services.registration.review import Approval, Decision, Outcome, Refusal
from services.registration.search import Filter
from shared import audit
from shared.access import Role, Staff
from shared.downloads import Downloads, Format, Order, file_answer
from shared.exports import documentation
from shared.problem_answers import document
from shared.problems import FieldError, documented, invalid_input, not_found

AT_ONCE: Final = search.MOST
"""Registrations that one call decides about: as many as a page has."""

router = APIRouter(prefix="/api", tags=["review"], dependencies=[bearer_scheme])


async def _downloads_of(request: Request) -> Downloads:
    downloads: Downloads = request.app.state.downloads
    return downloads


OurDownloads = Annotated[Downloads, Depends(_downloads_of)]
FilterName = Annotated[str, BeforeValidator(clean_line), Path(min_length=1, max_length=60)]
Ids = Annotated[list[UUID], Field(min_length=1, max_length=AT_ONCE)]


class Decisions(Decline):
    """A decision about many; a reason is for those that are declined."""

    act: Literal["approve", "decline"]
    ids: Ids


class Assignments(BaseModel):
    ids: Ids
    reviewer: Line | None = Field(description="Who is to decide; null for nobody")


class ProblemOut(BaseModel):
    """A problem document (RFC 9457), as the call about this one alone would be answered."""

    type: str
    title: str
    status: int
    detail: str


class OutcomeOut(BaseModel):
    """What became of one of them."""

    id: UUID
    done: bool
    status: Status | None = Field(description="Its state now; null where there is none")
    problem: ProblemOut | None = Field(description="Why nothing was done, if so")


class Outcomes(BaseModel):
    items: list[OutcomeOut]


class NewNote(BaseModel):
    text: Annotated[OptionalText, Field(description="At most 1,000 characters")]


class NoteOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    author: str
    text: str
    at: datetime


class NoteList(BaseModel):
    items: list[NoteOut]


class ActOut(BaseModel):
    """Something that was done to a registration."""

    model_config = ConfigDict(from_attributes=True)

    step: str = Field(description=", ".join(Step))
    status: Status = Field(description="Its state afterwards")
    actor: str = Field(description="A member of staff, `registrant` or `system`")
    at: datetime
    reason: str | None = Field(
        description="Of a refusal, what the registrant reads; of an amendment, the fields changed;"
        " of an assignment, the reviewer"
    )
    reason_id: str | None = Field(description="The prepared reason, if one was chosen")


class ActList(BaseModel):
    items: list[ActOut]


class ReasonOut(BaseModel):
    id: str
    text: dict[str, str] = Field(description="By language")


class ReviewerList(BaseModel):
    items: list[str]


class FilterOut(BaseModel):
    name: str
    query: str = Field(description="For the address of the list, of its files and of the page")


class FilterList(BaseModel):
    items: list[FilterOut]


class FilterToSave(Filter):
    model_config = ConfigDict(extra="forbid")


class WantedFile(FilterToSave):
    bom: bool = Field(
        default=False,
        description="Begin with a byte order mark: Excel needs it, programs may not want it",
    )


@router.post(
    "/registrations/decisions",
    summary="Approve or decline many",
    description="Each that can be decided about is, all in one transaction; the others come back"
    " with their problem, such as a 409 where somebody else was quicker.",
    openapi_extra=documents_body(Decisions),
    responses=documented(400, 401, 403, 415, 422),
)
async def decide(request: Request, of: TheRegistrations, by: Reviewer) -> Outcomes:
    content = read_form(Decisions, await body_of(request), of.forum)
    decision: Decision = Approval()
    if content.act == "decline":
        decision = Refusal(reasons.reason(of.forum, content.reason_id, content.reason))
    return shown(await review.decide(of, content.ids, decision, by))


@router.post(
    "/registrations/assignments",
    summary="Give registrations to a reviewer",
    openapi_extra=documents_body(Assignments),
    responses=documented(400, 401, 403, 415, 422),
)
async def assign(request: Request, of: TheRegistrations, by: Reviewer) -> Outcomes:
    content = read_form(Assignments, await body_of(request), of.forum)
    return shown(await review.assign(of, content.ids, content.reviewer, by))


@router.get(
    "/reviewers", summary="To whom registrations can be given", responses=documented(401, 403)
)
async def list_reviewers(of: TheRegistrations, _: Reviewer) -> ReviewerList:
    """Who has been at the review desk."""
    async with of.database.read() as connection:
        return ReviewerList(items=await search.known_reviewers(connection))


@router.get(
    "/decline-reasons", summary="The prepared reasons of forum.toml", responses=documented(401, 403)
)
async def list_reasons(of: TheRegistrations, _: Reviewer) -> list[ReasonOut]:
    return [ReasonOut(id=each.id, text=each.text.model_dump()) for each in of.forum.decline_reasons]


@router.get(
    "/registrations/{registration_id}/notes",
    summary="What staff wrote down about a registration",
    responses=documented(401, 403, 404),
)
async def list_notes(of: TheRegistrations, registration_id: UUID, _: Reviewer) -> NoteList:
    await of.get(registration_id)
    async with of.database.read() as connection:
        rows = await notes.all_of(connection, registration_id)
    await _note_read(of, registration_id, "notes")
    return NoteList(items=[NoteOut.model_validate(row) for row in rows])


@router.post(
    "/registrations/{registration_id}/notes",
    status_code=201,
    summary="Write something down for other staff",
    openapi_extra=documents_body(NewNote),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def write_note(
    request: Request, of: TheRegistrations, registration_id: UUID, by: Reviewer
) -> NoteOut:
    content = read_form(NewNote, await body_of(request), of.forum)
    if content.text is None:
        raise invalid_input([FieldError("text", "is missing", "missing")])
    return NoteOut.model_validate(await notes.write(of, registration_id, content.text, by))


@router.get(
    "/registrations/{registration_id}/history",
    summary="Who did what with a registration, and when",
    responses=documented(401, 403, 404),
)
async def list_acts(of: TheRegistrations, registration_id: UUID, _: Reviewer) -> ActList:
    await of.get(registration_id)
    async with of.database.read() as connection:
        rows = await search.acts(connection, registration_id)
    await _note_read(of, registration_id, "history")
    return ActList(items=[ActOut.model_validate(row) for row in rows])


@router.get("/saved-filters", summary="The caller's own filters", responses=documented(401, 403))
async def list_filters(of: TheRegistrations, by: Reviewer) -> FilterList:
    async with of.database.read() as connection:
        mine = await saved_filters.of_person(connection, by)
    return FilterList(items=[FilterOut(name=each.name, query=each.query) for each in mine])


@router.put(
    "/saved-filters/{name:path}",
    summary="Save a filter under a name",
    openapi_extra=documents_body(FilterToSave),
    responses=documented(400, 401, 403, 409, 415, 422),
)
async def save_filter(
    request: Request, of: TheRegistrations, by: Reviewer, name: FilterName
) -> FilterOut:
    wanted = read_form(FilterToSave, await body_of(request), of.forum)
    wanted.known_to(of.forum)
    async with of.database.begin() as tx:
        saved = await saved_filters.save(tx, name, wanted, by)
    return FilterOut(name=saved.name, query=saved.query)


@router.delete(
    "/saved-filters/{name:path}",
    status_code=204,
    summary="Forget a filter",
    responses=documented(401, 403, 404),
)
async def remove_filter(of: TheRegistrations, by: Reviewer, name: FilterName) -> None:
    async with of.database.begin() as tx:
        if not await saved_filters.remove(tx, name, by):
            raise not_found("filter")


@router.get(
    "/registrations.csv",
    summary="The filtered list as CSV",
    description=documentation(columns([Role.organiser]), ABOUT),
    **file_answer(Format.csv),
)
async def as_csv(
    of: TheRegistrations,
    downloads: OurDownloads,
    by: Reviewer,
    wanted: Annotated[WantedFile, Query()],
) -> Response:
    return downloads.answer(_order(of, by, wanted, Format.csv, bom=wanted.bom))


@router.get(
    "/registrations.xlsx",
    summary="The filtered list as a workbook",
    description=documentation(columns([Role.organiser]), ABOUT),
    **file_answer(Format.xlsx),
)
async def as_workbook(
    of: TheRegistrations,
    downloads: OurDownloads,
    by: Reviewer,
    wanted: Annotated[FilterToSave, Query()],
) -> Response:
    return downloads.answer(_order(of, by, wanted, Format.xlsx))


async def _note_read(of: Registrations, registration_id: UUID, part: str) -> None:
    await audit.note_read(
        of.database, of.clock.now(), "registration.read", [registration_id], part=part
    )


def _order(
    of: Registrations, by: Staff, wanted: Filter, kind: Format, *, bom: bool = False
) -> Order:
    wanted.known_to(of.forum)
    export = registrations_export(wanted, of.forum, by, of.clock.now())
    name = f"{of.forum.id}-registrations"
    return Order(export, kind, name, by, wanted.as_asked(), bom)


def shown(outcomes: Sequence[Outcome]) -> Outcomes:
    return Outcomes(
        items=[
            OutcomeOut(
                id=each.id,
                done=each.problem is None,
                status=None if each.row is None else each.row.status,
                problem=None
                if each.problem is None
                else ProblemOut.model_validate(document(each.problem), extra="ignore"),
            )
            for each in outcomes
        ]
    )
