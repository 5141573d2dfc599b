"""What the audit log says once staff have called: every route of every service that is for staff.

What shows somebody who registered, or does something, has an entry; a route that is not here fails
a test (tests/integration/test_what_is_noted.py), and so does one whose entry is missing or is
another. Members of staff and focal points are not registered: what shows only them shows nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
CSV: Final = "text/csv"


@dataclass(frozen=True)
class Noted:
    """A call, and the act that the audit log has for it.

    Texts in braces are filled in: `{registration_id}` with somebody who is made for this call.
    """

    act: str
    query: str = ""
    content: str = ""
    kind: str = ""
    names_them: bool = False
    """Whether the entry says whom it was about."""
    category: str = "civil_society"
    """Whose registrant is confirmed; those of `media` wait for a decision."""
    beforehand: str = ""
    """A route that is called first, with the same ids."""


@dataclass(frozen=True)
class Elsewhere:
    """The act is noted, and a test of its own proves it: it needs more than a call."""

    act: str
    test: str


SHOWS_NOBODY: Final = None
"""Neither shows anybody nor does anything that an organiser would look for."""

Row = Noted | Elsewhere | None


def _shows(act: str, query: str = "") -> Noted:
    return Noted(act, query, names_them=True)


def _shows_many(act: str, query: str = "") -> Noted:
    """Too many to name."""
    return Noted(act, query)


def _does(act: str, content: str = "", kind: str = JSON, beforehand: str = "") -> Noted:
    return Noted(act, content=content, kind=kind, beforehand=beforehand)


def _does_to(
    act: str,
    content: str = "",
    kind: str = JSON,
    category: str = "civil_society",
    beforehand: str = "",
) -> Noted:
    """To somebody who registered."""
    return Noted(act, "", content, kind, True, category, beforehand)


def _in(service: str, routes: Mapping[str, Row]) -> dict[str, Row]:
    """A service's own routes, and those that all services have."""
    letter = "/api/dead-letters/{letter_id}"
    common: dict[str, Row] = {
        # Ids, and what staff wrote themselves.
        "GET /api/audit": SHOWS_NOBODY,
        "GET /api/audit/chain": SHOWS_NOBODY,
        "GET /audit": SHOWS_NOBODY,
        "GET /api/outbox": SHOWS_NOBODY,
        "GET /api/dead-letters": SHOWS_NOBODY,
        f"GET {letter}": _shows("dead_letter.read"),
        f"POST {letter}/replay": _does_to("dead_letter.replay"),
        f"POST {letter}/discard": _does_to("dead_letter.discard"),
    }
    return {
        route.replace(" ", f" /{service}", 1): row for route, row in (common | dict(routes)).items()
    }


_ONE: Final = "/api/registrations/{registration_id}"
_DESK: Final = "/review/{registration_id}"
_DELEGATION: Final = "/delegations/{delegation_id}"
_MEMBER: Final = _DELEGATION + "/members/{registration_id}"
_ACCOUNT: Final = "/staff/{account_id}"
_NEW_DELEGATION: Final = '{"name": "Fiji", "country": "FJ", "category": "government", "quota": 3}'
_NEW_FOCAL_POINT: Final = '{"name": "Ida", "email": "ida@example.org", "language": "en"}'
_REVIEWING: Final = "GET /registration/review"
"""Whoever has been at the desk can be given work."""

_REGISTRATION: Final[Mapping[str, Row]] = {
    "GET /api/registrations": _shows("registration.search", "limit=1"),
    f"GET {_ONE}": _shows("registration.read"),
    f"GET {_ONE}/photo": _shows("photo.read"),
    f"PATCH {_ONE}": _does_to("registration.amend", '{"position": "Admiral"}'),
    f"POST {_ONE}/approve": _does_to("registration.approve", category="media"),
    f"POST {_ONE}/decline": _does_to(
        "registration.decline", '{"reason": "No press card"}', category="media"
    ),
    f"POST {_ONE}/cancel": _does_to("registration.cancel"),
    f"POST {_ONE}/erase": _does_to("registration.erase"),
    f"GET {_ONE}/personal-data": _shows("personal_data.read"),
    f"POST {_ONE}/revoke-links": _does_to("registration.revoke_links"),
    "POST /api/restatements": _does("registrations.restate"),
    "POST /api/tokens": _does("token.create", '{"role": "desk", "name": "Printer 3"}'),
    "POST /api/tokens/{token_id}/revoke": _does("token.revoke"),
    # The review.
    "GET /api/registrations.csv": _shows_many("file.export"),
    "GET /api/registrations.xlsx": _shows_many("file.export"),
    "POST /api/registrations/decisions": _does_to(
        "registration.approve",
        '{"act": "approve", "ids": ["{registration_id}"]}',
        category="media",
    ),
    "POST /api/registrations/assignments": _does_to(
        "registration.assign",
        '{"reviewer": "Ada", "ids": ["{registration_id}"]}',
        category="media",
        beforehand=_REVIEWING,
    ),
    f"GET {_ONE}/history": _shows("registration.read"),
    f"GET {_ONE}/notes": _shows("registration.read"),
    f"POST {_ONE}/notes": _does_to("registration.note", '{"text": "Has called"}'),
    "GET /api/decline-reasons": SHOWS_NOBODY,
    "GET /api/reviewers": SHOWS_NOBODY,
    "GET /api/saved-filters": SHOWS_NOBODY,
    "PUT /api/saved-filters/{name:path}": SHOWS_NOBODY,
    "DELETE /api/saved-filters/{name:path}": SHOWS_NOBODY,
    "GET /review": _shows("registration.search", "status=&sort=newest"),
    "POST /review/decisions": _does_to(
        "registration.approve", "act=approve&id={registration_id}", FORM, category="media"
    ),
    "POST /review/filters": SHOWS_NOBODY,
    "POST /review/filters/remove": SHOWS_NOBODY,
    f"POST {_DESK}/assign": _does_to(
        "registration.assign", "reviewer=@me", FORM, category="media", beforehand=_REVIEWING
    ),
    f"POST {_DESK}/note": _does_to("registration.note", "text=Has called", FORM),
    f"GET {_DESK}": _shows("registration.read"),
    f"POST {_DESK}/approve": _does_to("registration.approve", "then=", FORM, category="media"),
    f"POST {_DESK}/decline": _does_to(
        "registration.decline", "reason=No press card", FORM, category="media"
    ),
    f"POST {_DESK}/correct": _does_to(
        "registration.amend",
        "given_name=Ada&family_name=King&organization=Society&country=GB&email=ada@example.org",
        FORM,
    ),
    f"POST {_DESK}/cancel": _does_to("registration.cancel", kind=FORM),
    # Delegations, and files of people.
    "GET /api/delegations": SHOWS_NOBODY,
    "POST /api/delegations": _does("delegation.create", _NEW_DELEGATION),
    f"GET /api{_DELEGATION}": SHOWS_NOBODY,
    f"PATCH /api{_DELEGATION}": _does("delegation.change", '{"quota": 9}'),
    f"GET /api{_DELEGATION}/focal-points": SHOWS_NOBODY,
    f"POST /api{_DELEGATION}/focal-points": _does("delegation.invite", _NEW_FOCAL_POINT),
    f"DELETE /api{_DELEGATION}/focal-points/{{focal_point_id}}": _does(
        "delegation.remove_focal_point"
    ),
    f"GET /api{_DELEGATION}/members": _shows("delegation.read"),
    f"POST /api{_DELEGATION}/members": _does("registration.enrol", "{member}"),
    f"POST /api{_MEMBER}/replace": _does("registration.enrol", "{member}"),
    f"POST /api{_MEMBER}/withdraw": _does_to("registration.cancel"),
    "POST /api/imports": _does("import.read", "{file}", CSV),
    "GET /api/imports/{import_id}": _shows_many("import.read"),
    "GET /delegations": SHOWS_NOBODY,
    "POST /delegations": _does(
        "delegation.create", "name=Fiji&country=FJ&category=government&quota=3", FORM
    ),
    f"GET {_DELEGATION}": _shows("delegation.read"),
    f"POST {_DELEGATION}/quota": _does("delegation.change", "quota=9", FORM),
    f"POST {_DELEGATION}/focal-points": _does(
        "delegation.invite", "name=Ida&email=ida@example.org&language=en", FORM
    ),
    f"POST {_DELEGATION}/focal-points/{{focal_point_id}}/remove": _does(
        "delegation.remove_focal_point"
    ),
    # Whoever is to be replaced stands on the form.
    f"GET {_DELEGATION}/members/new": _shows("delegation.read", "replaces={registration_id}"),
    f"POST {_DELEGATION}/members/new": _does("registration.enrol", "{member_form}", FORM),
    f"POST {_MEMBER}/withdraw": _does_to("registration.cancel"),
    "GET /imports": SHOWS_NOBODY,
    "GET /imports/template.csv": SHOWS_NOBODY,
    "GET /imports/{import_id}": _shows_many("import.read"),
    "POST /imports": _does("registration.enrol", "consent=yes&content={packed_file}", FORM),
    "POST /imports/preview": _does("import.preview", "content={packed_file}", FORM),
    "POST /imports/rejected.csv": _does("import.preview", "content={packed_file}", FORM),
    # One's own account.
    "GET /account": SHOWS_NOBODY,
    "POST /account/language": _does("staff.change", "language=fr", FORM),
    "POST /account/sessions/end-others": _does("staff.end_session"),
    "POST /account/sessions/{session_id}/end": _does("staff.end_session"),
    "POST /account/passkeys/options": SHOWS_NOBODY,
    "POST /account/passkeys": Elsewhere("staff.add_passkey", "test_passkeys.py"),
    "POST /account/passkeys/{passkey_id}/remove": Elsewhere(
        "staff.remove_passkey", "test_passkeys.py"
    ),
    # Everybody's account.
    "GET /api/staff": SHOWS_NOBODY,
    "POST /api/staff": _does("staff.add", "{account}"),
    f"PATCH /api{_ACCOUNT}": _does("staff.change", '{"name": "Augusta"}'),
    f"POST /api{_ACCOUNT}/end": _does("staff.change"),
    "GET /staff": SHOWS_NOBODY,
    "POST /staff": _does("staff.add", "{account_form}", FORM),
    f"GET {_ACCOUNT}": SHOWS_NOBODY,
    f"POST {_ACCOUNT}": _does("staff.change", "name=Augusta&roles=desk&language=fr", FORM),
    f"POST {_ACCOUNT}/end": _does("staff.change"),
    f"POST {_ACCOUNT}/restore": _does(
        "staff.change", beforehand=f"POST /registration{_ACCOUNT}/end"
    ),
    f"POST {_ACCOUNT}/invite": _does("staff.invite"),
    "POST /staff/sessions/{session_id}/end": _does("staff.end_session"),
}

_BADGE: Final = "/api/badges/{badge_id}"
_BADGING: Final[Mapping[str, Row]] = {
    "GET /api/keys/history": SHOWS_NOBODY,
    "POST /api/keys/rotate": _does("key.rotate"),
    "POST /api/keys/{key_id}/retire": _does("key.retire"),
    "GET /api/sheets.pdf": _shows("badge.print", "registration_id={registration_id}"),
    "GET /api/badges": _shows("badge.search"),
    f"GET {_BADGE}.pkpass": _shows("badge.read"),
    f"GET {_BADGE}.google-wallet": _shows("badge.read"),
    "GET /api/certificates/{number}.pdf": _shows("certificate.read"),
    f"GET {_BADGE}.qr.png": _shows("badge.read"),
    f"GET {_BADGE}.png": _shows("badge.read"),
    f"GET {_BADGE}.pdf": _shows("badge.read"),
    f"GET {_BADGE}.zip": _shows("badge.read"),
    f"GET {_BADGE}": _shows("badge.read"),
    f"POST {_BADGE}/revoke": _does_to("badge.revoke", '{"reason": "Lost"}'),
    f"POST {_BADGE}/reissue": _does_to("badge.reissue", '{"reason": "Lost"}'),
    # At the badge desk.
    "GET /desk": _shows("badge.search", "q={family_name}"),
    # It leads to the page that shows them.
    "POST /desk": SHOWS_NOBODY,
    # How many, not who.
    "GET /desk/runs": SHOWS_NOBODY,
    "GET /desk/people/{registration_id}/photo": _shows("photo.read"),
    "GET /desk/{badge_id}": _shows("badge.read"),
    "POST /desk/{badge_id}/reissue": _does_to("badge.reissue", "reason=Lost", FORM),
    "POST /desk/{badge_id}/revoke": _does_to("badge.revoke", "reason=Stolen", FORM),
    "POST /api/restatements": _does("badges.restate"),
}

_FOUND: Final = "/evacuation/people/{registration_id}/found"
_NOT_FOUND: Final = "/evacuation/people/{registration_id}/not-found"
_HOLD: Final = "/{registration_id}/hold"
_RELEASE: Final = "/{registration_id}/release"
_CHECKIN: Final[Mapping[str, Row]] = {
    # At the gates.
    "GET /api/me": SHOWS_NOBODY,
    "GET /api/gates": SHOWS_NOBODY,
    "POST /api/enrolments": _does(
        "device.offer_pairing", '{"gate": "tower-in", "label": "Lane 1"}'
    ),
    "GET /api/devices": SHOWS_NOBODY,
    "PATCH /api/devices/{device_id}": _does("device.change", '{"label": "Lane 2"}'),
    "POST /api/devices/{device_id}/revoke": _does("device.stop"),
    "POST /api/scans/{scan_id}/undo": _does_to("scan.undo", '{"reason": "Mistake"}'),
    "GET /api/participants": _shows("participant.search", "q={family_name}"),
    "GET /api/participants/{registration_id}/photo": _shows("photo.read"),
    f"POST /api/participants{_HOLD}": _does_to("participant.hold", '{"reason": "Police"}'),
    f"POST /api/participants{_RELEASE}": Elsewhere("participant.release", "test_holds.py"),
    "GET /holds": _shows("participant.search", "q={family_name}"),
    f"POST /holds{_HOLD}": _does_to("participant.hold", "reason=Police", FORM),
    f"POST /holds{_RELEASE}": Elsewhere("participant.release", "test_holds.py"),
    "GET /devices": SHOWS_NOBODY,
    "POST /devices/pair": _does("device.offer_pairing", "gate=tower-in&label=Lane 1", FORM),
    "POST /devices/{device_id}/move": _does("device.change", "gate=tower-out", FORM),
    "POST /devices/{device_id}/revoke": _does("device.stop"),
    # In the control room. The page itself is empty: what is on it comes by /api/live.
    "GET /live": SHOWS_NOBODY,
    "GET /api/live": _shows_many("live.watch"),
    "GET /api/attendance": SHOWS_NOBODY,
    "GET /api/attendance/stream": SHOWS_NOBODY,
    "GET /api/attendance.csv": _shows_many("file.export"),
    "GET /api/attendance.xlsx": _shows_many("file.export"),
    "GET /api/scans": _shows("scan.search"),
    "GET /api/scans.csv": _shows_many("file.export"),
    "GET /api/scans.xlsx": _shows_many("file.export"),
    "GET /api/alerts": _shows_many("alert.search"),
    "POST /api/alerts/{alert_id}/acknowledge": _does("alert.acknowledge"),
    "GET /api/report": SHOWS_NOBODY,
    "GET /api/report.pdf": _shows_many("file.export"),
    "GET /api/report.xlsx": _shows_many("file.export"),
    "GET /report": SHOWS_NOBODY,
    # When the house has to be emptied.
    "GET /api/evacuation": _shows_many("evacuation.read"),
    "GET /api/evacuation.csv": _shows_many("evacuation.read"),
    # Ids only: the list that they belong to was noted.
    "GET /api/evacuation/marks": SHOWS_NOBODY,
    f"POST /api{_FOUND}": _does_to("roll_call.mark"),
    f"POST /api{_NOT_FOUND}": _does_to("roll_call.mark", beforehand=f"POST /checkin/api{_FOUND}"),
    "POST /api/roll-calls": _does(
        "roll_call.begin", beforehand="POST /checkin/api/roll-calls/{roll_call_id}/end"
    ),
    "GET /api/roll-calls": SHOWS_NOBODY,
    "GET /api/roll-calls/{roll_call_id}": _shows_many("evacuation.read"),
    "POST /api/roll-calls/{roll_call_id}/end": _does("roll_call.end"),
    "GET /evacuation": _shows_many("evacuation.read"),
    "POST /evacuation/begin": _does(
        "roll_call.begin", beforehand="POST /checkin/api/roll-calls/{roll_call_id}/end"
    ),
    "POST /evacuation/{roll_call_id}/end": _does("roll_call.end"),
    f"POST {_FOUND}": _does_to("roll_call.mark"),
    f"POST {_NOT_FOUND}": _does_to("roll_call.mark", beforehand=f"POST /checkin{_FOUND}"),
    # For operators.
    "POST /api/rebuild": _does("copy.begin_rebuilding"),
    "GET /api/rebuild": SHOWS_NOBODY,
    "POST /api/rebuild/finish": _does(
        "copy.finish_rebuilding", beforehand="POST /checkin/api/rebuild"
    ),
    "POST /api/rebuild/attendance": Elsewhere("attendance.put_right", "test_reckoning.py"),
}

_NOTIFICATIONS: Final[Mapping[str, Row]] = {
    "GET /api/messages": _shows("message.search"),
    "POST /api/messages/{message_id}/resend": _does_to("message.resend"),
    "GET /mails/{registration_id}": _shows("message.search"),
    "POST /mails/{message_id}/resend": _does_to("message.resend"),
    # Samples.
    "GET /preview": SHOWS_NOBODY,
    "GET /preview/{mail}/{language}": SHOWS_NOBODY,
}

WHAT_IS_NOTED: Final[Mapping[str, Row]] = {
    **_in("registration", _REGISTRATION),
    **_in("badging", _BADGING),
    **_in("checkin", _CHECKIN),
    **_in("notifications", _NOTIFICATIONS),
}
