"""The fields' names for people, once for forms, summaries of errors, and columns of files."""

from __future__ import annotations

from services.registration.forms import Gender
from shared.pages import Gettext


def labels(_: Gettext) -> dict[str, str]:
    """In the order of the form."""
    return {
        "given_name": _("Given name"),
        "family_name": _("Family name"),
        "title": _("Title"),
        "email": _("E-mail address"),
        "country": _("Country or area"),
        "language": _("Language"),
        "category": _("Category"),
        "organization": _("Organization"),
        "position": _("Position"),
        "days": _("Days you are coming"),
        "tracks": _("Parts of the forum that interest you"),
        "action_lines": _("WSIS action lines that interest you"),
        "sdgs": _("Sustainable Development Goals that interest you"),
        "accessibility_needs": _("Accessibility"),
        "visa_letter": _("Letter for a visa"),
        "photo": _("Photo"),
        "gender": _("Gender"),
        "consent": _("Consent"),
    }


def genders(_: Gettext) -> list[tuple[Gender, str]]:
    return [("female", _("Female")), ("male", _("Male")), ("other", _("Other"))]
