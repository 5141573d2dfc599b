"""Who may call what: every route of every service, page or API, with the callers that it serves.

A route that is not here fails a test (tests/integration/test_who_may.py), and so does one that
serves anybody else. What a caller may see of it is the subject of other tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.access import Role

NOBODY: Final = "nobody"
"""Without token, link or session."""
REGISTRANT: Final = "registrant"
"""By the link from their mail, for what is their own."""
DEVICE: Final = "device"
"""At a gate, with the token from its pairing."""
ACCOUNT: Final = "account"
"""Signed in to an account, whose only role is focal point."""
CALLERS: Final = (NOBODY, REGISTRANT, DEVICE, ACCOUNT, *Role)

Callers = frozenset[str]

_ANYONE: Final = frozenset(CALLERS)
_STAFF: Final = frozenset({ACCOUNT, *Role})
_SIGNED_IN: Final = frozenset({ACCOUNT})
_OWN: Final = frozenset({REGISTRANT})
_DEVICES: Final = frozenset({DEVICE})
_ORGANISER: Final = frozenset({Role.organiser})
_REVIEWERS: Final = _ORGANISER | {Role.reviewer}
_READERS: Final = _REVIEWERS | {Role.desk}
_DESK: Final = _ORGANISER | {Role.desk}
_LEADS: Final = _ORGANISER | {Role.security_lead}
_WATCHERS: Final = _LEADS | {Role.viewer}
_VIEWERS_OF_DELEGATIONS: Final = _REVIEWERS | {Role.focal_point, ACCOUNT}
_IMPORTERS: Final = _REVIEWERS
"""And focal points, who must have a delegation for it: see test_imports.py."""
_KEEPERS: Final = _ORGANISER | {Role.focal_point, ACCOUNT}
_FINDERS: Final = _LEADS | {Role.security, Role.desk}


def _in(service: str, routes: Mapping[str, Callers]) -> dict[str, Callers]:
    """A service's own routes, and those that all services have."""
    common: dict[str, Callers] = {
        "GET /api/openapi.json": _ANYONE,
        "GET /api/docs": _ANYONE,
        "GET /api/docs/{file}": _ANYONE,
        "GET /health/live": _ANYONE,
        "GET /health/ready": _ANYONE,
        "GET /metrics": _ANYONE,  # from the private network
        "GET /look/{file}": _ANYONE,
        "GET /api/audit": _ORGANISER,
        "GET /api/audit/chain": _ORGANISER,
        "GET /audit": _ORGANISER,
        "GET /api/outbox": _ORGANISER,
        "GET /api/dead-letters": _ORGANISER,
        "GET /api/dead-letters/{letter_id}": _ORGANISER,
        "POST /api/dead-letters/{letter_id}/replay": _ORGANISER,
        "POST /api/dead-letters/{letter_id}/discard": _ORGANISER,
    }
    return {
        route.replace(" ", f" /{service}", 1): callers
        for route, callers in (common | dict(routes)).items()
    }


_REGISTRATION: Final[Mapping[str, Callers]] = {
    # The form, and the registrant's own page.
    "GET /": _ANYONE,
    "POST /": _ANYONE,
    "GET /form.js": _ANYONE,
    "GET /photo.js": _ANYONE,
    "GET /own.js": _ANYONE,
    "GET /received": _ANYONE,
    "GET /confirm": _ANYONE,
    "POST /confirm": _ANYONE,
    "GET /me": _OWN,
    "GET /me/{act}": _OWN,
    "GET /me/correct": _OWN,
    "POST /me/correct": _OWN,
    "GET /me/data.json": _OWN,
    "GET /me/photo.jpg": _OWN,
    "POST /me/cancel": _OWN,
    "POST /me/erase": _OWN,
    "POST /me/revoke": _OWN,
    "GET /link": _ANYONE,
    "POST /link": _ANYONE,
    "GET /link/asked": _ANYONE,
    "POST /api/link-requests": _ANYONE,
    "POST /api/registrations": _ANYONE,
    "GET /api/registrations": _REVIEWERS,
    "GET /api/registrations/{registration_id}": _READERS | _OWN,
    "GET /api/registrations/{registration_id}/photo": _READERS | _OWN,
    "PATCH /api/registrations/{registration_id}": _READERS | _OWN,
    "POST /api/registrations/{registration_id}/confirm-email": _ANYONE,
    "POST /api/registrations/{registration_id}/approve": _REVIEWERS,
    "POST /api/registrations/{registration_id}/decline": _REVIEWERS,
    "POST /api/registrations/{registration_id}/cancel": _READERS | _OWN,
    "POST /api/registrations/{registration_id}/erase": _ORGANISER | _OWN,
    "GET /api/registrations/{registration_id}/personal-data": _ORGANISER | _OWN,
    "POST /api/registrations/{registration_id}/revoke-links": _READERS | _OWN,
    "POST /api/restatements": _ORGANISER,
    "POST /api/tokens": _ORGANISER,
    "POST /api/tokens/{token_id}/revoke": _ORGANISER,
    # The review.
    "GET /api/registrations.csv": _REVIEWERS,
    "GET /api/registrations.xlsx": _REVIEWERS,
    "POST /api/registrations/decisions": _REVIEWERS,
    "POST /api/registrations/assignments": _REVIEWERS,
    "GET /api/registrations/{registration_id}/history": _REVIEWERS,
    "GET /api/registrations/{registration_id}/notes": _REVIEWERS,
    "POST /api/registrations/{registration_id}/notes": _REVIEWERS,
    "GET /api/decline-reasons": _REVIEWERS,
    "GET /api/reviewers": _REVIEWERS,
    "GET /api/saved-filters": _REVIEWERS,
    "PUT /api/saved-filters/{name:path}": _REVIEWERS,
    "DELETE /api/saved-filters/{name:path}": _REVIEWERS,
    "GET /desk.js": _ANYONE,
    "GET /review": _REVIEWERS,
    "POST /review/decisions": _REVIEWERS,
    "POST /review/filters": _REVIEWERS,
    "POST /review/filters/remove": _REVIEWERS,
    "POST /review/{registration_id}/assign": _REVIEWERS,
    "POST /review/{registration_id}/note": _REVIEWERS,
    "GET /review/{registration_id}": _REVIEWERS,
    "POST /review/{registration_id}/approve": _REVIEWERS,
    "POST /review/{registration_id}/decline": _REVIEWERS,
    "POST /review/{registration_id}/correct": _REVIEWERS,
    "POST /review/{registration_id}/cancel": _REVIEWERS,
    # Delegations, and files of people.
    "GET /api/delegations": _VIEWERS_OF_DELEGATIONS,
    "POST /api/delegations": _ORGANISER,
    "GET /api/delegations/{delegation_id}": _VIEWERS_OF_DELEGATIONS,
    "PATCH /api/delegations/{delegation_id}": _ORGANISER,
    "GET /api/delegations/{delegation_id}/focal-points": _VIEWERS_OF_DELEGATIONS,
    "POST /api/delegations/{delegation_id}/focal-points": _ORGANISER,
    "DELETE /api/delegations/{delegation_id}/focal-points/{focal_point_id}": _ORGANISER,
    "GET /api/delegations/{delegation_id}/members": _VIEWERS_OF_DELEGATIONS,
    "POST /api/delegations/{delegation_id}/members": _KEEPERS,
    "POST /api/delegations/{delegation_id}/members/{registration_id}/replace": _KEEPERS,
    "POST /api/delegations/{delegation_id}/members/{registration_id}/withdraw": _KEEPERS,
    "POST /api/imports": _IMPORTERS,
    "GET /api/imports/{import_id}": _VIEWERS_OF_DELEGATIONS,
    "GET /delegations": _VIEWERS_OF_DELEGATIONS,
    "POST /delegations": _ORGANISER,
    "GET /delegations/{delegation_id}": _VIEWERS_OF_DELEGATIONS,
    "POST /delegations/{delegation_id}/quota": _ORGANISER,
    "POST /delegations/{delegation_id}/focal-points": _ORGANISER,
    "POST /delegations/{delegation_id}/focal-points/{focal_point_id}/remove": _ORGANISER,
    "GET /delegations/{delegation_id}/members/new": _KEEPERS,
    "POST /delegations/{delegation_id}/members/new": _KEEPERS,
    "POST /delegations/{delegation_id}/members/{registration_id}/withdraw": _KEEPERS,
    "GET /imports": _IMPORTERS,
    "GET /imports/template.csv": _IMPORTERS,
    "GET /imports/{import_id}": _VIEWERS_OF_DELEGATIONS,
    "POST /imports": _IMPORTERS,
    "POST /imports/preview": _IMPORTERS,
    "POST /imports/rejected.csv": _IMPORTERS,
    # Signing in and out.
    "GET /sign-in": _ANYONE,
    "POST /sign-in": _ANYONE,
    "GET /sign-in/sent": _ANYONE,
    "GET /sign-in/link": _ANYONE,
    "POST /sign-in/link": _ANYONE,
    "GET /passkey.js": _ANYONE,
    "POST /sign-in/passkey/options": _ANYONE,
    "POST /sign-in/passkey": _ANYONE,
    "GET /sign-in/oidc": _ANYONE,
    "GET /sign-in/oidc/callback": _ANYONE,
    "POST /sign-out": _ANYONE,
    # One's own account: a token is nobody's.
    "GET /account": _SIGNED_IN,
    "POST /account/language": _SIGNED_IN,
    "POST /account/sessions/end-others": _SIGNED_IN,
    "POST /account/sessions/{session_id}/end": _SIGNED_IN,
    "POST /account/passkeys/options": _SIGNED_IN,
    "POST /account/passkeys": _SIGNED_IN,
    "POST /account/passkeys/{passkey_id}/remove": _SIGNED_IN,
    # Everybody's account.
    "GET /api/staff": _ORGANISER,
    "POST /api/staff": _ORGANISER,
    "PATCH /api/staff/{account_id}": _ORGANISER,
    "POST /api/staff/{account_id}/end": _ORGANISER,
    "GET /staff": _ORGANISER,
    "POST /staff": _ORGANISER,
    "GET /staff/{account_id}": _ORGANISER,
    "POST /staff/{account_id}": _ORGANISER,
    "POST /staff/{account_id}/end": _ORGANISER,
    "POST /staff/{account_id}/restore": _ORGANISER,
    "POST /staff/{account_id}/invite": _ORGANISER,
    "POST /staff/sessions/{session_id}/end": _ORGANISER,
}

_BADGING: Final[Mapping[str, Callers]] = {
    "GET /api/keys": _ANYONE,
    "GET /api/keys/history": _ORGANISER,
    "POST /api/keys/rotate": _ORGANISER,
    "POST /api/keys/{key_id}/retire": _ORGANISER,
    "GET /api/sheets.pdf": _DESK,
    "GET /api/badges": _DESK | _OWN,
    "GET /api/badges/{badge_id}.pkpass": _DESK | _OWN,
    "GET /api/badges/{badge_id}.google-wallet": _DESK | _OWN,
    # By a link too. A number that is none has an answer for everybody.
    "GET /api/certificates/{number}.pdf": _DESK | _OWN,
    "GET /certificates": _ANYONE,
    "GET /certificates/{number}": _ANYONE,
    "GET /api/badges/{badge_id}.qr.png": _DESK | _OWN,
    "GET /api/badges/{badge_id}.zip": _DESK | _OWN,
    "GET /api/badges/{badge_id}.png": _DESK | _OWN,
    "GET /api/badges/{badge_id}.pdf": _DESK | _OWN,
    "GET /api/badges/{badge_id}": _DESK | _OWN,
    "POST /api/badges/{badge_id}/revoke": _DESK,
    "POST /api/badges/{badge_id}/reissue": _DESK,
    # At the badge desk.
    "GET /desk.js": _ANYONE,
    "GET /desk": _DESK,
    "POST /desk": _DESK,
    "GET /desk/runs": _DESK,
    "GET /desk/people/{registration_id}/photo": _DESK,
    "GET /desk/{badge_id}": _DESK,
    "POST /desk/{badge_id}/reissue": _DESK,
    "POST /desk/{badge_id}/revoke": _DESK,
    "POST /api/restatements": _ORGANISER,
    "GET /me.png": _OWN,
    "GET /me.qr.png": _OWN,
    "GET /me.pdf": _OWN,
    "GET /me.ics": _OWN,
    "GET /me.pkpass": _OWN,
    "GET /me.google-wallet": _OWN,
    "GET /me.certificate.pdf": _OWN,
}

_CHECKIN: Final[Mapping[str, Callers]] = {
    # At the gates.
    "GET /api/forum": _ANYONE,
    "GET /api/me": _STAFF,
    "GET /api/gates": _STAFF | _DEVICES,
    "POST /api/enrolments": _LEADS,
    "POST /api/devices": _ANYONE,  # with a pairing code
    "GET /api/devices": _LEADS,
    "GET /api/devices/me": _DEVICES,
    "PUT /api/devices/me": _DEVICES,
    "PATCH /api/devices/{device_id}": _LEADS,
    "POST /api/devices/{device_id}/revoke": _LEADS,
    "POST /api/scans": _DEVICES,
    "POST /api/scans/batch": _DEVICES,
    "GET /api/replica": _DEVICES,
    "GET /api/replica/stream": _DEVICES,
    "POST /api/scans/{scan_id}/undo": _LEADS | _DEVICES,
    "POST /api/scans/{scan_id}/shown": _DEVICES,
    "GET /api/participants": _FINDERS | _DEVICES,
    "GET /api/participants/{registration_id}/photo": _FINDERS | _DEVICES,
    "POST /api/participants/{registration_id}/hold": _LEADS,
    "POST /api/participants/{registration_id}/release": _LEADS,
    "GET /holds": _LEADS,
    "POST /holds/{registration_id}/hold": _LEADS,
    "POST /holds/{registration_id}/release": _LEADS,
    "GET /gate": _ANYONE,
    "GET /gate/": _ANYONE,
    "GET /gate/sw.js": _ANYONE,
    "GET /web/{path:path}": _ANYONE,
    "GET /devices": _LEADS,
    "POST /devices/pair": _LEADS,
    "POST /devices/{device_id}/move": _LEADS,
    "POST /devices/{device_id}/revoke": _LEADS,
    # In the control room.
    "GET /live": _WATCHERS,
    "GET /api/live": _WATCHERS,
    "GET /api/attendance": _WATCHERS,
    "GET /api/attendance/stream": _WATCHERS,
    "GET /api/attendance.csv": _WATCHERS,
    "GET /api/attendance.xlsx": _WATCHERS,
    "GET /api/scans": _WATCHERS,
    "GET /api/scans.csv": _WATCHERS,
    "GET /api/scans.xlsx": _WATCHERS,
    "GET /api/alerts": _WATCHERS,
    "POST /api/alerts/{alert_id}/acknowledge": _LEADS,
    "GET /api/report": _WATCHERS,
    "GET /api/report.pdf": _WATCHERS,
    "GET /api/report.xlsx": _WATCHERS,
    "GET /report": _WATCHERS,
    # When the house has to be emptied.
    "GET /api/evacuation": _LEADS | _DEVICES,
    "GET /api/evacuation.csv": _LEADS,
    "GET /api/evacuation/marks": _LEADS | _DEVICES,
    "POST /api/evacuation/people/{registration_id}/found": _LEADS | _DEVICES,
    "POST /api/evacuation/people/{registration_id}/not-found": _LEADS | _DEVICES,
    "POST /api/roll-calls": _LEADS,
    "GET /api/roll-calls": _LEADS,
    "GET /api/roll-calls/{roll_call_id}": _LEADS,
    "POST /api/roll-calls/{roll_call_id}/end": _LEADS,
    "GET /evacuation": _LEADS,
    "POST /evacuation/begin": _LEADS,
    "POST /evacuation/{roll_call_id}/end": _LEADS,
    "POST /evacuation/people/{registration_id}/found": _LEADS,
    "POST /evacuation/people/{registration_id}/not-found": _LEADS,
    # For operators.
    "POST /api/rebuild": _ORGANISER,
    "GET /api/rebuild": _ORGANISER,
    "POST /api/rebuild/finish": _ORGANISER,
    "POST /api/rebuild/attendance": _ORGANISER,
}

_NOTIFICATIONS: Final[Mapping[str, Callers]] = {
    "GET /api/messages": _ORGANISER,
    "POST /api/messages/{message_id}/resend": _ORGANISER,
    "GET /mails/{registration_id}": _ORGANISER,
    "POST /mails/{message_id}/resend": _ORGANISER,
    "GET /preview": _ORGANISER,
    "GET /preview/{mail}/{language}": _ORGANISER,
}

WHO_MAY: Final[Mapping[str, Callers]] = {
    **_in("registration", _REGISTRATION),
    **_in("badging", _BADGING),
    **_in("checkin", _CHECKIN),
    **_in("notifications", _NOTIFICATIONS),
}
