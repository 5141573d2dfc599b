"""The registration service: who would like to come, who may, and who decides."""

from pathlib import Path

from services.registration import api, consumers, pages
from services.registration.links import Links
from services.registration.registrations import Registrations
from services.registration.settings import RegistrationSettings
from shared.limits import RateLimit
from shared.pages import install as install_pages
from shared.platform import Platform
from shared.service import Service
from shared.settings import load

FOLDER = Path(__file__).parent


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
    install_pages(service.app, FOLDER, "registration")
    service.prepares(registrations.fill_places)
    service.serves(api.router, pages.router)
    service.hears(consumers.outcomes(service.database))
    return service
