"""Sign-in at the organisation's own identity provider (OpenID Connect), where one is configured.

Authlib walks the code flow with PKCE, state and nonce, and checks the ID token. What it must
remember between the two steps travels in a signed cookie of this browser."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

import httpx2
import structlog
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from fastapi.responses import Response

from services.registration.settings import RegistrationSettings
from shared.access import InvalidToken, Keyring, Purpose
from shared.problems import Problem

log = structlog.get_logger()

STATE_COOKIE: Final = "forumpass_oidc"
COOKIE_PATH: Final = "/registration/sign-in/oidc"
STATE_LIFETIME: Final = timedelta(minutes=10)
"""To type a password and find the second factor."""
ANSWER_SECONDS: Final = 10


class Provider:
    """The identity provider of the settings."""

    def __init__(self, settings: RegistrationSettings, keyring: Keyring, origin: str) -> None:
        self.name = settings.oidc_name
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._keyring = keyring
        self._origin = origin
        self._client: Any = OAuth().register(
            "staff",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            server_metadata_url=f"{self._issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid email",
                "code_challenge_method": "S256",
                "timeout": ANSWER_SECONDS,
            },
        )

    async def begin(self, request: Request, to: str) -> Response:
        """Send the browser to the provider.

        Args:
            to: the page of ours that signing in leads to.

        Raises:
            Problem: 503, the provider does not answer.
        """
        request.scope["session"] = {}
        try:
            response: Response = await self._client.authorize_redirect(
                request, f"{self._origin}{COOKIE_PATH}/callback"
            )
        except Exception as error:
            raise _no_answer(error) from None
        state = json.dumps(request.session)
        response.set_cookie(
            STATE_COOKIE,
            self._keyring.sign(Purpose.oidc_state, state, STATE_LIFETIME, to=to),
            max_age=int(STATE_LIFETIME.total_seconds()),
            path=COOKIE_PATH,
            httponly=True,
            # Not strict: the provider sends the browser back.
            samesite="lax",
            secure=self._origin.startswith("https://"),
        )
        return response

    async def finish(self, request: Request) -> tuple[str, str]:
        """The verified address of whoever comes back from the provider, and where to lead them.

        Raises:
            Problem: 403, the provider or the person said no, or did not verify the address; 503,
                the provider does not answer.
        """
        try:
            cookie = self._keyring.read(Purpose.oidc_state, request.cookies.get(STATE_COOKIE, ""))
        except InvalidToken:
            raise _refused("no-state") from None
        request.scope["session"] = json.loads(cookie["sub"])
        try:
            claims = await self._claims(request)
        except httpx2.HTTPError as error:
            raise _no_answer(error) from None
        except Exception as error:
            # Authlib and joserfc raise many kinds over an answer that is not as it must be.
            raise _refused(type(error).__name__) from None
        if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
            raise Problem(
                403,
                "address-not-verified",
                "The identity provider does not vouch for an e-mail address.",
            )
        return claims["email"], cookie["to"]

    async def _claims(self, request: Request) -> dict[str, Any]:
        expected = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        token = await self._client.authorize_access_token(request, claims_options=expected)
        claims: dict[str, Any] = dict(token["userinfo"])
        if "email" not in claims:  # some providers tell it only when asked
            told = dict(await self._client.userinfo(token=token))
            if told["sub"] == claims["sub"]:
                claims |= told
        return claims


def _refused(reason: str) -> Problem:
    log.info("oidc.refused", reason=reason)
    return Problem(403, "oidc-refused", "The identity provider did not sign you in.")


def _no_answer(error: Exception) -> Problem:
    log.warning("oidc.no_answer", error=type(error).__name__)
    return Problem(
        503,
        "oidc-unavailable",
        "The identity provider does not answer. Please try again, or ask for a link by mail.",
    )
