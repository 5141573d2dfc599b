"""HTTP for the keys: public halves for everyone, rotation for the operator."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from services.badging.keys import HIGHEST_ID, Keys
from shared.access import Role, require
from shared.problems import documented

FRESH_SECONDS = 60
"""How long a reader of the keys may do without a new one."""


class Jwk(BaseModel):
    """An Ed25519 public key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"
    kid: str = Field(description="The key id of the credential, in decimal")
    x: str = Field(description="The 32 bytes of the key in base64url")


class Jwks(BaseModel):
    keys: list[Jwk]


class KeyOut(BaseModel):
    """A key as the operator sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime
    retired_at: datetime | None = Field(description="Since then no gate opens for its badges")
    signs: bool = Field(description="New badges are signed with it")
    valid_badges: int = Field(description="Signed with it, and not ended")


class KeyList(BaseModel):
    items: list[KeyOut]


KeyId = Annotated[int, Path(ge=0, le=HIGHEST_ID)]


def router(keys: Keys) -> APIRouter:
    api = APIRouter(prefix="/api/keys", tags=["keys"])
    operator = Depends(require(Role.organiser))

    @api.get("", summary="The public keys that verify badges")
    async def published_keys(response: Response) -> Jwks:
        response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        return Jwks(
            keys=[
                Jwk(kid=str(key.id), x=_base64url(key.public_key)) for key in await keys.published()
            ]
        )

    @api.get(
        "/history",
        summary="All keys that there have been",
        dependencies=[operator],
        responses=documented(401, 403),
    )
    async def history() -> KeyList:
        return KeyList(items=[KeyOut.model_validate(key) for key in await keys.history()])

    @api.post(
        "/rotate",
        status_code=201,
        summary="Make a key, with which badges are signed from now on",
        description="Badges that the keys before have signed stay good.",
        dependencies=[operator],
        responses=documented(401, 403, 409),
    )
    async def rotate() -> KeyList:
        await keys.rotate()
        return await history()

    @api.post(
        "/{key_id}/retire",
        summary="Let no gate open for what a key has signed",
        description="For a key that is no secret any more. Reissue its badges first.",
        dependencies=[operator],
        responses=documented(401, 403, 404, 409),
    )
    async def retire(key_id: KeyId) -> KeyList:
        await keys.retire(key_id)
        return await history()

    return api


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
