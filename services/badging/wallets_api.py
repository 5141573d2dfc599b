"""HTTP for phones: a badge for the wallets that this deployment has keys of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import anyio
from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import RedirectResponse

from services.badging.api import BadgeId, Link, bearer, note_read, seen_by
from services.badging.apple_pass import MEDIA_TYPE, ApplePasses, open_apple_passes
from services.badging.badges import Badge, Badges
from services.badging.files import gone
from services.badging.google_pass import GooglePasses, open_google_passes
from services.badging.holders import Holder
from services.badging.lifecycle import Status
from services.badging.own_links import registrant_of
from services.badging.wallet_words import words_of
from shared.access import unauthenticated
from shared.clock import Clock
from shared.forum import Forum
from shared.problems import documented, not_found
from shared.wallets import WalletSettings

PRIVATE: Final = {"Cache-Control": "private, no-store"}


@dataclass(frozen=True)
class Wallets:
    """The wallets, each None when there is no key for it."""

    forum: Forum
    apple: ApplePasses | None
    google: GooglePasses | None

    async def into_apple(self, badge: Badge, holder: Holder) -> Response:
        """The badge as a file that an iPhone opens.

        Raises:
            Problem: 404, there is no key.
        """
        if self.apple is None:
            raise not_found("pass")
        words = words_of(self.forum, badge, holder)
        content = await anyio.to_thread.run_sync(self.apple.make, words, holder.photo)
        name = f'attachment; filename="badge-{badge.number}.pkpass"'
        return Response(
            content, media_type=MEDIA_TYPE, headers=PRIVATE | {"Content-Disposition": name}
        )

    async def into_google(self, badge: Badge, holder: Holder) -> Response:
        """To Google, with the badge in the address.

        Raises:
            Problem: 404, there is no key.
        """
        if self.google is None:
            raise not_found("pass")
        words = words_of(self.forum, badge, holder)
        link = await anyio.to_thread.run_sync(self.google.link, words, Clock.wall())
        return RedirectResponse(link, 303, headers=PRIVATE)


def open_wallets(forum: Forum, settings: WalletSettings) -> Wallets:
    """The wallets of this deployment.

    Raises:
        WrongSetting: what a setting names can't be used.
    """
    return Wallets(forum, open_apple_passes(settings), open_google_passes(settings))


def router(badges: Badges, wallets: Wallets) -> APIRouter:
    api = APIRouter(tags=["wallets"])

    @api.get(
        "/api/badges/{badge_id}.pkpass",
        summary="A valid badge for Apple Wallet",
        description="404 where the deployment has no certificate for passes.",
        dependencies=[Security(bearer)],
        response_class=Response,
        responses={200: {"content": {MEDIA_TYPE: {}}}, **documented(401, 403, 404, 410)},
    )
    async def apple(request: Request, badge_id: BadgeId, link: Link = None) -> Response:
        badge, _ = await seen_by(request, badges, badge_id, link)
        holder = await _holder(badges, badge)
        await note_read(badges, badge, kind="pkpass")
        return await wallets.into_apple(badge, holder)

    @api.get(
        "/api/badges/{badge_id}.google-wallet",
        summary="A valid badge for Google Wallet",
        description="Leads on to Google; 404 where the deployment has no key for it.",
        status_code=303,
        dependencies=[Security(bearer)],
        response_class=Response,
        responses=documented(401, 403, 404, 410),
    )
    async def google(request: Request, badge_id: BadgeId, link: Link = None) -> Response:
        badge, _ = await seen_by(request, badges, badge_id, link)
        holder = await _holder(badges, badge)
        await note_read(badges, badge, kind="google-wallet")
        return await wallets.into_google(badge, holder)

    @api.get("/me.pkpass", include_in_schema=False)
    async def own_apple(request: Request) -> Response:
        badge = await _own(request, badges)
        return await wallets.into_apple(badge, await _holder(badges, badge))

    @api.get("/me.google-wallet", include_in_schema=False)
    async def own_google(request: Request) -> Response:
        badge = await _own(request, badges)
        return await wallets.into_google(badge, await _holder(badges, badge))

    return api


async def _own(request: Request, badges: Badges) -> Badge:
    registration_id = await registrant_of(request, badges)
    if registration_id is None:
        raise unauthenticated()
    badge = await badges.newest(registration_id)
    if badge is None:
        raise not_found("badge")
    return badge


async def _holder(badges: Badges, badge: Badge) -> Holder:
    """Whose it is; a badge that has ended goes into nobody's wallet.

    Raises:
        Problem: 410.
    """
    holder = await badges.holder(badge.registration_id)
    if holder is None or badge.status != Status.valid:
        raise gone(badge.status)
    return holder
