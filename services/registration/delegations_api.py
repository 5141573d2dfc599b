"""HTTP for programs: delegations, their focal points and members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from services.registration import delegations
from services.registration.api import bearer_scheme, body_of, documents_body
from services.registration.delegation_forms import DelegationChange, NewDelegation, NewFocalPoint
from services.registration.delegations import SEE_ALL, TOUCH, Delegation
from services.registration.forms import NewRegistration, read_form
from services.registration.registrations import Registrations, TheRegistrations
from services.registration.showing import RegistrationOut, show
from services.registration.tables import Registration
from shared import audit
from shared.access import Role, Staff, require
from shared.problems import documented

Organiser = Annotated[Staff, Depends(require(Role.organiser))]
Viewer = Annotated[Staff, Depends(require(*SEE_ALL, Role.focal_point))]
"""A focal point is then let to their own delegations only."""
Keeper = Annotated[Staff, Depends(require(*TOUCH))]


class DelegationOut(BaseModel):
    id: UUID
    name: str
    country: str | None
    organization: str | None
    category: str
    quota: int
    members: int = Field(description="How many of the quota are taken")


class DelegationList(BaseModel):
    items: list[DelegationOut]


class FocalPointOut(BaseModel):
    id: UUID
    name: str
    email: str
    language: str
    invited_at: datetime


class FocalPointList(BaseModel):
    items: list[FocalPointOut]


class MemberPage(BaseModel):
    items: list[RegistrationOut]
    next_cursor: UUID | None


router = APIRouter(prefix="/api/delegations", tags=["delegations"], dependencies=[bearer_scheme])


@router.post(
    "",
    status_code=201,
    summary="Let people come together",
    openapi_extra=documents_body(NewDelegation),
    responses=documented(400, 401, 403, 415, 422),
)
async def create(
    request: Request, of: TheRegistrations, by: Organiser, response: Response
) -> DelegationOut:
    new = read_form(NewDelegation, await body_of(request), of.forum)
    created = await delegations.create(of, new, by)
    response.headers["Location"] = f"/registration/api/delegations/{created.id}"
    return _show(created, members=0)


@router.get("", summary="Delegations, by name", responses=documented(401, 403))
async def find(of: TheRegistrations, by: Viewer) -> DelegationList:
    async with of.database.read() as connection:
        rows = await delegations.seen_by(connection, by)
    return DelegationList(items=[_show(row, row.members) for row in rows])


@router.get("/{delegation_id}", summary="One delegation", responses=documented(401, 403, 404))
async def get(of: TheRegistrations, delegation_id: UUID, by: Viewer) -> DelegationOut:
    async with of.database.read() as connection:
        row = await delegations.get(connection, delegation_id, by)
        return _show(row, await delegations.count(connection, delegation_id))


@router.patch(
    "/{delegation_id}",
    summary="Rename it, or change its quota",
    openapi_extra=documents_body(DelegationChange),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def change(
    request: Request, of: TheRegistrations, delegation_id: UUID, by: Organiser
) -> DelegationOut:
    wanted = read_form(DelegationChange, await body_of(request), of.forum)
    await delegations.change(of, delegation_id, wanted)
    return await get(of, delegation_id, by)


@router.get(
    "/{delegation_id}/focal-points",
    summary="Who looks after it",
    responses=documented(401, 403, 404),
)
async def focal_points(of: TheRegistrations, delegation_id: UUID, by: Viewer) -> FocalPointList:
    async with of.database.read() as connection:
        await delegations.get(connection, delegation_id, by)
        rows = await delegations.people_of(connection, delegation_id)
    return FocalPointList(items=[FocalPointOut.model_validate(row._mapping) for row in rows])


@router.post(
    "/{delegation_id}/focal-points",
    status_code=201,
    summary="Ask somebody to look after it",
    description="By mail, with a link that signs in. The same address again gets a new link.",
    openapi_extra=documents_body(NewFocalPoint),
    responses=documented(400, 401, 403, 404, 415, 422),
)
async def invite(
    request: Request, of: TheRegistrations, delegation_id: UUID, by: Organiser
) -> FocalPointOut:
    new = read_form(NewFocalPoint, await body_of(request), of.forum)
    row = await delegations.invite(of, delegation_id, new, by)
    return FocalPointOut.model_validate(row._mapping)


@router.delete(
    "/{delegation_id}/focal-points/{focal_point_id}",
    status_code=204,
    summary="Let somebody look after it no longer",
    responses=documented(401, 403, 404),
)
async def remove_focal_point(
    of: TheRegistrations, delegation_id: UUID, focal_point_id: UUID, _: Organiser
) -> None:
    await delegations.remove_focal_point(of, delegation_id, focal_point_id)


@router.get(
    "/{delegation_id}/members",
    summary="Who comes with it, newest first",
    responses=documented(401, 403, 404, 422),
)
async def members(
    of: TheRegistrations,
    delegation_id: UUID,
    by: Viewer,
    cursor: Annotated[UUID | None, Query(description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MemberPage:
    async with of.database.read() as connection:
        await delegations.get(connection, delegation_id, by)
        found = await delegations.members(connection, delegation_id, cursor, limit)
    await note_members(of, delegation_id, found.rows)
    return MemberPage(items=[show(of, row) for row in found.rows], next_cursor=found.following)


@router.post(
    "/{delegation_id}/members",
    status_code=201,
    summary="Register a member",
    description="Whoever does it vouches for the address and the consent.",
    openapi_extra=documents_body(NewRegistration),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def add(
    request: Request, of: TheRegistrations, delegation_id: UUID, by: Keeper
) -> RegistrationOut:
    new = read_form(NewRegistration, await body_of(request), of.forum)
    return show(of, await delegations.add(of, delegation_id, new, by))


@router.post(
    "/{delegation_id}/members/{registration_id}/replace",
    status_code=201,
    summary="Let somebody else come instead",
    description="The badge of the one who is replaced stops; quota and places stay as they are.",
    openapi_extra=documents_body(NewRegistration),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def replace(
    request: Request,
    of: TheRegistrations,
    delegation_id: UUID,
    registration_id: UUID,
    by: Keeper,
) -> RegistrationOut:
    new = read_form(NewRegistration, await body_of(request), of.forum)
    return show(of, await delegations.replace(of, delegation_id, registration_id, new, by))


@router.post(
    "/{delegation_id}/members/{registration_id}/withdraw",
    summary="A member will not come",
    responses=documented(401, 403, 404, 409),
)
async def withdraw(
    of: TheRegistrations, delegation_id: UUID, registration_id: UUID, by: Keeper
) -> RegistrationOut:
    return show(of, await delegations.withdraw(of, delegation_id, registration_id, by))


async def note_members(
    of: Registrations, delegation_id: UUID, rows: Sequence[Registration]
) -> None:
    """Say in the audit log whom of a delegation staff or a focal point are shown."""
    await audit.note_read(
        of.database,
        of.clock.now(),
        "delegation.read",
        [row.id for row in rows],
        which=delegation_id,
    )


def _show(row: Delegation, members: int) -> DelegationOut:
    return DelegationOut.model_validate({**row._mapping, "members": members})
