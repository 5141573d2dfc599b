"""The registration service: who would like to come, who may, and who decides."""

from functools import partial
from pathlib import Path

from services.registration import (
    account_pages,
    api,
    changes_pages,
    consent,
    consumers,
    delegations_api,
    delegations_pages,
    imports_api,
    imports_pages,
    link_requests,
    own_pages,
    pages,
    retention,
    review_api,
    review_pages,
    sign_in_pages,
    staff_api,
    staff_pages,
    staff_sessions,
)
from services.registration.accounts import Accounts
from services.registration.catching_up import keep_up
from services.registration.link_requests import LinkRequests
from services.registration.links import Links
from services.registration.oidc import Provider
from services.registration.passkeys import relying_party
from services.registration.registrations import Registrations
from services.registration.settings import RegistrationSettings
from shared.access import Staff
from shared.downloads import Downloads
from shared.limits import RateLimit
from shared.pages import install as install_pages
from shared.platform import Platform
from shared.service import Service
from shared.settings import load

FOLDER = Path(__file__).parent
SIGN_INS_AT_ONCE = 30
SIGN_INS_PER_MINUTE = 15
"""From one network address: a hall's worth of staff behind one router."""
LINKS_AT_ONCE = 5
LINKS_PER_HOUR = 6
"""To one mailbox, whoever asks."""
REGISTRATIONS_AT_ONCE = 20
REGISTRATIONS_PER_HOUR = 20
"""With one address, whoever sends them, each brings it a mail: an assistant may register some
people with the own one; for more there are delegations."""


def create(given: Platform) -> Service:
    service = Service(
        "registration",
        given,
        folder=FOLDER,
        summary="Registrations, review, the registrant's own page, and staff sign-in.",
        # A photo of 5 MB is 6.7 MB in base64.
        max_body_bytes=8 * 1024 * 1024,
    )
    settings = load(RegistrationSettings)
    registrations = Registrations(
        database=service.database,
        forum=given.forum,
        clock=given.clock,
        links=Links(given.keyring, given.settings.public_origin),
    )
    service.app.state.registrations = registrations
    service.app.state.registration_limit = RateLimit(
        settings.burst_per_address, settings.per_minute_per_address / 60
    )
    service.app.state.registration_mail_limit = RateLimit(
        REGISTRATIONS_AT_ONCE, REGISTRATIONS_PER_HOUR / 3600
    )
    service.app.state.downloads = Downloads(
        service.database, given.forum, given.clock, given.settings.home
    )

    asked_for = LinkRequests(registrations)
    service.app.state.link_requests = asked_for
    service.app.state.link_limit = RateLimit(link_requests.AT_ONCE, link_requests.PER_SECOND)

    install_pages(service.app, FOLDER, "registration")
    service.prepares(registrations.fill_places)
    service.prepares(partial(consent.keep_text, service.database, given.forum, given.clock))
    # The review desk first: "decisions" is no registration's id.
    service.serves(review_api.router, api.router)
    service.serves(review_pages.router, changes_pages.router, own_pages.router, pages.router)
    service.serves(delegations_api.router, delegations_pages.router)
    service.serves(imports_api.router, imports_pages.router)
    _let_staff_in(service, given, settings)
    service.serves(staff_api.router, sign_in_pages.router, account_pages.router, staff_pages.router)
    service.hears(consumers.outcomes(service.database))
    service.keeps(*retention.rules(registrations))
    service.runs(partial(keep_up, service.database))
    service.runs(asked_for.run)
    return service


def _let_staff_in(service: Service, given: Platform, settings: RegistrationSettings) -> None:
    """Accounts, and the ways to sign in."""
    origin = given.settings.public_origin
    accounts = Accounts(service.database, given.clock, given.keyring, origin)

    async def recognise(staff: Staff) -> Staff | None:
        return await staff_sessions.recognise(accounts, staff)

    async def keep_tidy() -> None:
        await staff_sessions.keep_tidy(accounts)

    service.app.state.accounts = accounts
    service.app.state.relying_party = relying_party(
        origin, given.forum.short_name.in_language("en")
    )
    service.app.state.oidc = (
        Provider(settings, given.keyring, origin) if settings.oidc_issuer else None
    )
    service.app.state.sign_in_limit = RateLimit(SIGN_INS_AT_ONCE, SIGN_INS_PER_MINUTE / 60)
    service.app.state.sign_in_mail_limit = RateLimit(LINKS_AT_ONCE, LINKS_PER_HOUR / 3600)
    service.recognises_by(recognise)
    service.runs(keep_tidy)
