"""What can be taken away as a file: who came on which day, and the log of scans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import select

from services.checkin.scan_filter import ScanFilter
from services.checkin.tables import attendance, badges, devices, participants, scans
from shared.exports import Column, Export, Kind
from shared.forum import Forum

NAMES_FOR: Final = "organiser and security lead"


def scans_export(wanted: ScanFilter, forum: Forum, *, with_names: bool) -> Export:
    """The log, oldest first."""
    rows = (
        select(scans.c.seq)
        .select_from(_SCANS_WITH_PERSONS if with_names else _SCANS)
        .where(*wanted.conditions(forum))
        .order_by(scans.c.seq)
    )
    return Export("Scans", _seen(SCAN_COLUMNS, with_names), rows)


def attendance_export(forum: Forum, day: date | None, *, with_names: bool) -> Export:
    """Who came on which day, in the order of coming."""
    rows = (
        select(attendance.c.day)
        .select_from(_ATTENDANCE_WITH_PERSONS if with_names else attendance)
        .order_by(attendance.c.day, attendance.c.at, attendance.c.registration_id)
    )
    if day is not None:
        rows = rows.where(attendance.c.day == day)
    return Export("Attendance", _seen(ATTENDANCE_COLUMNS, with_names), rows)


def _seen(columns: Sequence[Column], with_names: bool) -> list[Column]:
    return [column for column in columns if with_names or not column.names_somebody]


_SCANS: Final = scans.outerjoin(devices, devices.c.id == scans.c.device_id)
_SCANS_WITH_PERSONS: Final = _SCANS.outerjoin(
    badges, badges.c.badge_id == scans.c.badge_id
).outerjoin(participants, participants.c.registration_id == scans.c.registration_id)
_ATTENDANCE_WITH_PERSONS: Final = attendance.outerjoin(
    participants, participants.c.registration_id == attendance.c.registration_id
)
_PERSON: Final = (
    Column("family_name", "As on the badge", participants.c.family_name, names_somebody=True),
    Column("given_name", "As on the badge", participants.c.given_name, names_somebody=True),
    Column("organization", "As on the badge", participants.c.organization, names_somebody=True),
)
ATTENDANCE_COLUMNS: Final = (
    Column("day", "A calendar day in the forum's time zone", attendance.c.day, Kind.day),
    Column("registration_id", "Who came: one row a person and day", attendance.c.registration_id),
    *_PERSON,
    Column("category", "The stakeholder group's id in forum.toml", attendance.c.category),
    Column("country", "ISO 3166 alpha-2; empty if not known", attendance.c.country),
    Column("region", "Of the ITU; `none` for a country without one", attendance.c.region),
    Column("entrance", "Where the person came in first that day", attendance.c.entrance),
    Column(
        "first_entry_at",
        "When that was. CSV: RFC 3339; XLSX: forum time",
        attendance.c.at,
        Kind.moment,
    ),
    Column("scan_id", "That entry in the log", attendance.c.scan_id),
)
SCAN_COLUMNS: Final = (
    Column("seq", "Grows with each entry of the log; leaves gaps", scans.c.seq, Kind.number),
    Column("scan_id", "The entry's id, made on the device", scans.c.scan_id),
    Column(
        "at",
        "When it happened. CSV: RFC 3339; XLSX: forum time",
        scans.c.at,
        Kind.moment,
    ),
    Column("decision", "`admitted`, `refused` or `undone`", scans.c.decision),
    Column("reason", "Why: `first_entry`, `revoked`, …", scans.c.reason),
    Column("gate", "Where the device stood", scans.c.gate),
    Column("entrance", "The gate's entrance", scans.c.entrance),
    Column("zone", "The zone that the gate leads into or out of", scans.c.zone),
    Column("direction", "`in` or `out`", scans.c.direction),
    Column("badge_id", "Inside the credential; empty if unreadable or unknown", scans.c.badge_id),
    Column("registration_id", "Whose badge it is", scans.c.registration_id),
    Column("badge_number", "As printed", badges.c.number, names_somebody=True),
    *_PERSON,
    Column("country", "ISO 3166 alpha-2", participants.c.country, names_somebody=True),
    Column("category", "The stakeholder group's id", participants.c.category, names_somebody=True),
    Column("device_id", "Empty for what staff took back", scans.c.device_id),
    Column("device", "The device's name", devices.c.label),
    Column("overridden", "The rule that an officer's override passed over", scans.c.overridden),
    Column("conflict", "The rule that a device without network did not know", scans.c.conflict),
    # Free words, in which an officer may well name somebody.
    Column(
        "said",
        "The officer's reason for an override or an undo",
        scans.c.said,
        names_somebody=True,
    ),
    Column("undoes", "The scan that this entry takes back", scans.c.undoes),
    Column("by", "Who took it back", scans.c.by),
    Column("device_time", "What the device's clock showed", scans.c.device_time, Kind.moment),
    Column("decided_at", "When the server judged it", scans.c.decided_at, Kind.moment),
)
