"""A mail of each kind to somebody of each language, to be looked at before a real one goes out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Final

import qrcode
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from qrcode.constants import ERROR_CORRECT_M

from services.notifications.matters import (
    AddressChanged,
    Amended,
    Badge,
    Cancelled,
    Certificate,
    ConfirmAddress,
    Declined,
    FocalPoint,
    InReview,
    Matter,
    OwnLink,
    Reminder,
    Reopened,
    SignIn,
    StaffInvited,
    Waitlisted,
)
from services.notifications.texts import FOLDER, Person, Pictures
from shared import countries, dates, i18n
from shared.forum import Forum, Language

REFERENCE: Final = "3K9Q2M"
NUMBER: Final = "7KQ2-M9X1"
CODE: Final = "SAMPLE".ljust(117, "0")
"""As long as a credential, and read by no gate as one."""
# Nobody who could be mistaken for a registrant.
NAMES: Final[Mapping[Language, str]] = {
    "ar": "الأستاذ محمد بن موسى الخوارزمي",
    "zh": "祖冲之",
    "en": "Ms Ada Lovelace",
    "fr": "Mme Émilie du Châtelet",
    "ru": "Софья Ковалевская",
    "es": "Dr. Santiago Ramón y Cajal",
}
REASONS: Final[Mapping[Language, str]] = {
    "ar": "لم يرد خطاب الاعتماد من المؤسسة الإعلامية.",
    "zh": "未收到媒体机构的证明信。",
    "en": "The letter of accreditation from the media organization is missing.",
    "fr": "La lettre d’accréditation de l’organe de presse fait défaut.",
    "ru": "Не получено аккредитационное письмо от средства массовой информации.",
    "es": "Falta la carta de acreditación del medio de comunicación.",
}


def person(forum: Forum, language: Language, origin: str) -> Person:
    """Whom a sample mail goes to; the link opens nothing."""
    return Person(
        name=NAMES[language],
        language=language,
        reference=f"{forum.reference_prefix}-{REFERENCE}",
        me_link=f"{origin}/registration/me?token=sample",
    )


def matters(forum: Forum, language: Language, origin: str) -> dict[str, Matter]:
    """What each sample mail is about, by the name of the sample."""
    badge = Badge(
        badge_id="0" * 16,
        number=NUMBER,
        category=forum.categories[0].id,
        days=forum.days_bitmap(forum.categories[0].days),
        version=1,
        replaces_another=False,
        files_link="",
    )
    link = f"{origin}/registration/sign-in/link?token=sample"
    return {
        "confirm_address": ConfirmAddress(
            confirm_link=f"{origin}/registration/confirm?id=sample&token=sample"
        ),
        "in_review": InReview(),
        "waitlisted": Waitlisted(),
        "badge": badge,
        "promoted": badge.model_copy(update={"from_the_waiting_list": True}),
        "new_badge": badge.model_copy(update={"replaces_another": True}),
        "amended": Amended(),
        "address_changed": AddressChanged(
            email="sample@example.org",
            given_name="",
            family_name=NAMES[language],
            language=language,
        ),
        "reminder": Reminder(number=NUMBER, days=badge.days, files_link=""),
        "certificate": Certificate(
            number=NUMBER, days=badge.days, file_link="", page=f"/badging/certificates/{NUMBER}"
        ),
        "own_link": OwnLink(),
        "reopened": Reopened(had_a_badge=True),
        "declined": Declined(reason=REASONS[language]),
        "cancelled": Cancelled(),
        "focal_point": FocalPoint(
            delegation=countries.name("CH", language),
            quota=40,
            sign_in_link=link,
        ),
        "sign_in": SignIn(link=link, valid_seconds=1800),
        "staff_invited": StaffInvited(
            link=link,
            valid_seconds=3 * 86400,
            page=f"{origin}/registration/sign-in",
        ),
    }


def pictures(forum: Forum, language: Language) -> Pictures:
    """A badge of the sample person, plainly no real one, and a code as large as a real one."""
    _ = i18n.translations(FOLDER / "locale", language).gettext
    code = _code()
    badge = _face().render(
        language=language,
        direction=i18n.direction(language),
        forum=forum.short_name.in_language(language),
        dates=dates.period(forum.days, language),
        label=_("Sample, simplified"),
        name=NAMES[language],
        code=code,
        number=NUMBER,
        category=forum.categories[0],
    )
    return Pictures(badge=_address_of(badge.encode(), "image/svg+xml"), code=code)


@cache
def _face() -> Template:
    loader = FileSystemLoader(FOLDER / "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("sample_badge.svg")


@cache
def _code() -> str:
    out = BytesIO()
    qrcode.make(CODE, border=4, error_correction=ERROR_CORRECT_M).save(out)
    return _address_of(out.getvalue(), "image/png")


def _address_of(picture: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{b64encode(picture).decode()}"
