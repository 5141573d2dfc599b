"""HTTP for programs: staff accounts, as organisers and `forumpass staff` change them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from services.registration import staffing
from services.registration.accounts import TheAccounts
from services.registration.api import Organiser
from services.registration.staffing import AccountChange, NewAccount
from shared.access import Role
from shared.forum import Language
from shared.problems import documented

_bearer = Security(
    HTTPBearer(
        auto_error=False, description="A staff token; staff may also come with the session cookie."
    )
)


class AccountOut(BaseModel):
    """An account, as organisers see it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    name: str
    roles: list[Role]
    language: Language
    made_at: datetime = Field(description="In real time, also in a rehearsal")
    made_by: str
    ended_at: datetime | None


class AccountList(BaseModel):
    items: list[AccountOut]


router = APIRouter(prefix="/api/staff", tags=["staff"], dependencies=[_bearer])


@router.get("", summary="All accounts, ended ones last", responses=documented(401, 403))
async def list_accounts(of: TheAccounts, _: Organiser) -> AccountList:
    async with of.database.read() as connection:
        rows = await staffing.listed(connection)
    return AccountList(items=[AccountOut.model_validate(row) for row in rows])


@router.post(
    "",
    status_code=201,
    summary="Make an account; its holder is mailed a sign-in link",
    responses=documented(401, 403, 422),
)
async def add(of: TheAccounts, by: Organiser, body: NewAccount) -> AccountOut:
    return AccountOut.model_validate(await staffing.add(of, body, by))


@router.patch(
    "/{account_id}",
    summary="Change name, roles or language",
    description="Other roles hold at once, in every service.",
    responses=documented(401, 403, 404, 409, 422),
)
async def change(
    of: TheAccounts, _: Organiser, account_id: UUID, body: AccountChange
) -> AccountOut:
    return AccountOut.model_validate(await staffing.change(of, account_id, body))


@router.post(
    "/{account_id}/end",
    summary="Sign the holder out everywhere, and in no more",
    responses=documented(401, 403, 404, 409),
)
async def end(of: TheAccounts, _: Organiser, account_id: UUID) -> AccountOut:
    return AccountOut.model_validate(await staffing.end(of, account_id))
