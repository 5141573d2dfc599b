"""The fields of a registration on a page: their names, what can be chosen, and what was sent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from services.registration import photos
from services.registration.labels import genders, labels
from services.registration.registrations import Registrations
from services.registration.tables import Registration
from shared import countries
from shared.dates import short_day
from shared.forum import LANGUAGES, Forum
from shared.i18n import NATIVE_NAMES
from shared.pages import Pages
from shared.problems import FieldError

LISTS: Final = ("days", "tracks", "action_lines", "sdgs")
OF_THE_VISIT: Final = ("category", *LISTS, "accessibility_needs", "visa_letter", "gender")
"""What nobody is asked any more once the forum is over."""
TICKED: Final = "yes"


def context(
    of: Registrations,
    pages: Pages,
    request: Request,
    values: dict[str, Any],
    errors: Sequence[FieldError],
) -> dict[str, Any]:
    """What `particulars.html` needs: the values to show again, and what is wrong with which."""
    language = pages.language(request)
    return {
        "values": values,
        "errors": {error.field.split(".")[0]: error for error in reversed(errors)},
        "countries": countries.choices(language),
        "labels": labels(pages.gettext_in(language)),
        "language_choices": [(code, NATIVE_NAMES[code]) for code in LANGUAGES],
        "gender_choices": genders(pages.gettext_in(language)),
        "day_choices": [(day.isoformat(), short_day(day, language)) for day in of.forum.days],
        "topic_choices": lambda topics: [
            (topic.id, topic.name.in_language(language)) for topic in topics
        ],
        "numbered_choices": lambda topics: [
            (topic.id, f"{topic.id}. {topic.name.in_language(language)}") for topic in topics
        ],
        "largest_photo": photos.MOST_BYTES,
    }


def values_in(forum: Forum, row: Registration) -> dict[str, Any]:
    """A registration's fields as its form would have sent them."""
    days = [forum.days[index].isoformat() for index in row.days]
    return {
        **row._mapping,
        # All days are said by leaving all empty.
        "days": [] if len(days) == len(forum.days) else days,
        "sdgs": [str(goal) for goal in row.sdgs],
        "visa_letter": TICKED if row.visa_letter else "",
    }


def values_of(data: FormData) -> dict[str, Any]:
    """The form's fields as text, lists where several can be chosen: to be shown again as sent."""
    texts = [(key, item) for key, item in data.multi_items() if isinstance(item, str)]
    values: dict[str, Any] = {key: item for key, item in texts if key not in LISTS}
    return values | {name: [item for key, item in texts if key == name] for name in LISTS}


async def photo_of(data: FormData) -> str | None:
    """The photo, if one was chosen, as the API would be sent it."""
    file = data.get("photo")
    if not isinstance(file, UploadFile) or not (file.filename or file.size):
        return None
    return b64encode(await file.read()).decode()
