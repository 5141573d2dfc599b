"""HTTP for programs: devices at the gates, and those who watch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.checkin import alerts, device_state, devices, holds, photos, rebuilding
from services.checkin.devices import Device
from services.checkin.gates import Gates, OurGates
from services.checkin.holds import HoldOut
from services.checkin.participants import FoundPage, look_up
from services.checkin.rebuilding import Unheard
from services.checkin.room import Room
from services.checkin.scans import Answer
from services.checkin.schemas import (
    AlertOut,
    AlertPage,
    BatchAnswer,
    DeviceChange,
    DeviceOut,
    DeviceState,
    DeviceStateOut,
    EnrolmentOut,
    ForumOut,
    GateOut,
    HoldBody,
    NewBatch,
    NewDevice,
    NewEnrolment,
    NewScan,
    NotTaken,
    PairingOut,
    Shown,
    StaffOut,
    UndoBody,
)
from services.checkin.turnstile import OurTurnstile, Turnstile
from services.checkin.undo import Undone, undo
from shared import audit, caching, caller, i18n
from shared.access import Role, Staff, bearer, forbidden, require, staff_of, unauthenticated
from shared.forum import LANGUAGES, Language
from shared.limits import network_of
from shared.problem_answers import document, read_body
from shared.problems import FieldError, Problem, documented, invalid_input
from shared.query import refuse_all_but

LEADS = (Role.organiser, Role.security_lead)
FINDERS = (*LEADS, Role.security, Role.desk)
WATCHERS = (Role.organiser, Role.security_lead, Role.viewer)


router = APIRouter(prefix="/api")


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """What the documentation says of a body that is read past FastAPI."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


async def calling_device(request: Request, gates: OurGates) -> Device:
    token = bearer(request)
    if token is None:
        raise unauthenticated()
    async with gates.database.read() as connection:
        device = await devices.by_token(connection, token)
    if device is None:
        raise unauthenticated()
    caller.is_known_as(str(device.id), caller.DEVICE)
    return device


async def device_or_staff(request: Request, gates: OurGates) -> None:
    if staff_of(request) is None:
        await calling_device(request, gates)


async def lead_or_calling_device(request: Request, gates: OurGates) -> Staff | Device:
    staff = staff_of(request)
    if staff is None:
        return await calling_device(request, gates)
    if not staff.has(*LEADS):
        raise forbidden()
    return staff


async def zone_of_finder(request: Request, gates: OurGates) -> str:
    """Of the gate where the device that asks stands, as the device's own look-up without a network
    has it; the venue for staff.
    """
    staff = staff_of(request)
    if staff is None:
        device = await calling_device(request, gates)
        zones = {gate.id: gate.zone for gate in gates.forum.gates}
        # A device may stand at a gate that the forum has no more.
        return zones.get(device.gate, gates.forum.main_zone.id)
    if not staff.has(*FINDERS):
        raise forbidden()
    return gates.forum.main_zone.id


async def scanning_device(request: Request, turnstile: OurTurnstile) -> Device:
    token = bearer(request)
    device = None if token is None else await turnstile.paired.by_token(token)
    if device is None:
        raise unauthenticated()
    return device


async def preferred_language(
    response: Response, accept_language: Annotated[str, Header()] = ""
) -> Language:
    response.headers["Vary"] = "Accept-Language"
    return i18n.negotiate(accept_language, offered=LANGUAGES)


ScanningDevice = Annotated[Device, Depends(scanning_device)]
CallingDevice = Annotated[Device, Depends(calling_device)]
LeadOrDevice = Annotated[Staff | Device, Depends(lead_or_calling_device)]
Preferred = Annotated[Language, Depends(preferred_language)]
Lead = Annotated[Staff, Depends(require(*LEADS))]
Watcher = Annotated[Staff, Depends(require(*WATCHERS))]
Organiser = Annotated[Staff, Depends(require(Role.organiser))]


async def _room_of(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


OurRoom = Annotated[Room, Depends(_room_of)]


def check_gate(gates: Gates, gate: str) -> None:
    if gate not in {one.id for one in gates.forum.gates}:
        raise invalid_input([FieldError("gate", "is no gate of this forum")])


@router.get("/forum", tags=["forum"], summary="The forum: names, gates, and its time")
async def the_forum(gates: OurGates, language: Preferred) -> ForumOut:
    return ForumOut.of(gates.forum, gates.clock, language)


@router.get("/me", tags=["forum"], summary="The member of staff who asks")
async def staff_me(request: Request) -> StaffOut:
    staff = staff_of(request)
    if staff is None:
        raise unauthenticated()
    return StaffOut(name=staff.name, role=staff.role, roles=list(staff.roles))


@router.get(
    "/gates",
    tags=["gates"],
    summary="The gates of forum.toml",
    dependencies=[Depends(device_or_staff)],
)
async def list_gates(gates: OurGates, language: Preferred) -> list[GateOut]:
    return [GateOut.of(gate, language) for gate in gates.forum.gates]


@router.post("/enrolments", status_code=201, tags=["devices"], summary="Offer a pairing code")
async def offer(gates: OurGates, body: NewEnrolment, by: Lead) -> EnrolmentOut:
    check_gate(gates, body.gate)
    return EnrolmentOut.model_validate(
        await devices.offer_enrolment(gates, body.gate, body.label, by)
    )


@router.post("/devices", status_code=201, tags=["devices"], summary="Pair a device with a code")
async def pair(request: Request, gates: OurGates, body: NewDevice) -> PairingOut:
    caller = network_of(request)
    # Taken beforehand, so that many at the same time are not more than one after the other.
    gates.wrong_codes.spend(caller)
    pairing = await devices.enrol(gates, body.code)
    gates.wrong_codes.spend(caller, -1)
    return PairingOut.model_validate(pairing)


@router.get("/devices", tags=["devices"], summary="All devices")
async def list_devices(gates: OurGates, _: Lead) -> list[DeviceOut]:
    async with gates.database.read() as connection:
        return [DeviceOut.of(device) for device in await devices.all_devices(connection)]


@router.get("/devices/me", tags=["devices"], summary="The device that asks")
async def me(device: CallingDevice) -> DeviceOut:
    return DeviceOut.of(device)


@router.put("/devices/me", tags=["devices"], summary="What the device says of itself")
async def report(gates: OurGates, body: DeviceState, device: CallingDevice) -> DeviceStateOut:
    """Every 20 seconds, and when something of it changes. An alert is raised for a clock that is
    more than a minute off."""
    kept = await device_state.report(gates, device, body.state(), body.device_now)
    return DeviceStateOut(
        device_id=kept.id,
        label=kept.label,
        gate=kept.gate,
        now=gates.clock.now(),
        clock_off_seconds=kept.clock_off_seconds,
    )


@router.patch("/devices/{device_id}", tags=["devices"], summary="Move a device, or rename it")
async def move(gates: OurGates, device_id: UUID, body: DeviceChange, _: Lead) -> DeviceOut:
    if body.gate is not None:
        check_gate(gates, body.gate)
    return DeviceOut.of(await devices.move(gates, device_id, body.gate, body.label))


@router.post("/devices/{device_id}/revoke", tags=["devices"], summary="Stop a device's token")
async def revoke(gates: OurGates, device_id: UUID, _: Lead) -> DeviceOut:
    return DeviceOut.of(await devices.revoke(gates, device_id))


@router.post(
    "/scans",
    tags=["scans"],
    summary="Judge a scan; 200 for admitted and refused alike",
    response_model=Answer,
    openapi_extra=body_of(NewScan),
)
async def scan(request: Request) -> Response:
    # A queue waits at the gate. Parameters, body and answer by FastAPI's own ways would take it
    # longer than all that is done with them.
    turnstile: Turnstile = request.app.state.turnstile
    device = await scanning_device(request, turnstile)
    refuse_all_but(request)
    body = await read_body(NewScan, request)
    answer = await turnstile.record(bearer(request) or "", device, body.scan())
    return Response(answer.model_dump_json(), media_type="application/json")


@router.post(
    "/scans/batch",
    tags=["scans"],
    summary="Tell of scans that were made without network, oldest first",
)
async def batch(
    request: Request, turnstile: OurTurnstile, body: NewBatch, device: ScanningDevice
) -> BatchAnswer:
    """Each is logged with the device's time. Whom the device let in is in: `conflict` names the
    rule that this went against."""
    read = body.read()
    scans = [one for one in read if not isinstance(one, Problem)]
    answers = iter(await turnstile.record_all(bearer(request) or "", device, scans))
    return BatchAnswer(
        answers=[
            _not_taken(given, one) if isinstance(one, Problem) else next(answers)
            for given, one in zip(body.scans, read, strict=True)
        ]
    )


def _not_taken(given: object, problem: Problem) -> NotTaken:
    scan_id = given.get("scan_id") if isinstance(given, dict) else None
    return NotTaken(scan_id=scan_id, problem=document(problem))


@router.get(
    "/replica",
    tags=["replica"],
    summary="What a gate copies, whole or what has changed since a cursor",
    response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {}}}},
)
async def copy(
    gates: OurGates,
    _: CallingDevice,
    after: Annotated[str | None, Query(description="The cursor of the last answer")] = None,
) -> Response:
    """One JSON array a line, told apart by its first element; zstd or gzip where accepted.

    `["begin", {...}]` is the first line. Its `full` says whether to forget all that was kept:
    without a cursor, or with one that means nothing here. Its `key`, `badge` and `presence` name
    the columns of the lines that follow, in order: every `key`, and those `badge`s and `presence`s
    that may have changed since the cursor. Its `format` is 2; who knows only others stops there.

    To be short, a `badge_id` is the eight bytes in Base64 without padding; a `registration_id` the
    sixteen bytes of the UUID likewise, or null for the one of the line before; a `number` lacks its
    hyphen and its check symbol; `at` is in seconds after the first line's `since`. A `presence`
    whose `at` is null is over.

    Lines may repeat what the device has; the last word counts on a badge, and on a person in a
    zone. `["end", {...}]` is the last line and has the next `cursor`. Without it the answer was cut
    off; the old cursor stays good.
    """
    return gates.replica.after(after)


@router.get(
    "/replica/stream",
    tags=["replica"],
    summary="Says soon after a change that there is one, as server-sent events named 'changed'",
    response_class=EventSourceResponse,
)
async def news(gates: OurGates, device: CallingDevice) -> EventSourceResponse:
    """Begins with a `changed`, for what happened before it was open; ends when the device is
    stopped.
    """

    async def changes() -> AsyncIterator[ServerSentEvent]:
        async for _ in gates.news.watch(device.id):
            yield ServerSentEvent("{}", event="changed")

    return EventSourceResponse(changes(), headers={"Cache-Control": "no-store"})


@router.post("/scans/{scan_id}/undo", tags=["scans"], summary="Take a scan back")
async def take_back(gates: OurGates, scan_id: UUID, body: UndoBody, by: LeadOrDevice) -> Undone:
    return await undo(gates, scan_id, body.reason, by, body.undone_at)


@router.post(
    "/scans/{scan_id}/shown",
    status_code=204,
    tags=["scans"],
    summary="What the officer was told, when that was not the server's answer",
)
async def shown(gates: OurGates, scan_id: UUID, body: Shown, device: CallingDevice) -> None:
    """Raises the alert `correction` if the log says otherwise; again, it changes nothing."""
    await alerts.correct(gates, device, scan_id, body.decision, body.reason)


@router.get(
    "/participants",
    tags=["participants"],
    summary="Look somebody up by name or badge number",
)
async def find_participants(
    gates: OurGates,
    zone: Annotated[str, Depends(zone_of_finder)],
    q: Annotated[str, Query(max_length=100, description="Words of the name, or the number")],
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> FoundPage:
    """Names have all the words, in any order, whatever their accents and case. `blocked` says who
    is on hold."""
    async with gates.database.read() as connection:
        now = gates.clock.now()
        found = await look_up(connection, gates.forum, zone, now, q, limit)
    about = {one.registration_id for one in found}
    await audit.note_read(gates.database, now, "participant.search", about)
    return FoundPage(items=found)


@router.post(
    "/participants/{registration_id}/hold",
    tags=["participants"],
    summary="Put a security hold on somebody",
    responses=documented(404),
)
async def hold(gates: OurGates, registration_id: UUID, body: HoldBody, by: Lead) -> HoldOut:
    """Every gate refuses them, whatever their badge says, and no officer can override it. Again, it
    changes nothing."""
    return await holds.hold(gates, registration_id, body.reason, by)


@router.post(
    "/participants/{registration_id}/release",
    tags=["participants"],
    summary="Release somebody from a security hold",
    responses=documented(404),
)
async def release(gates: OurGates, registration_id: UUID, body: HoldBody, by: Lead) -> HoldOut:
    """Their badge counts again. Again, it changes nothing."""
    return await holds.release(gates, registration_id, body.reason, by)


@router.get(
    "/participants/{registration_id}/photo",
    tags=["participants"],
    summary="What somebody looks like, as JPEG",
    dependencies=[Depends(zone_of_finder)],
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}},
        304: {"description": "Not changed since the ETag in If-None-Match"},
        **documented(401, 403, 404),
    },
)
async def photo(request: Request, gates: OurGates, registration_id: UUID) -> Response:
    async with gates.database.read() as connection:
        found = await photos.get(connection, registration_id)
    if staff_of(request) is not None:  # devices fetch everybody's, beforehand
        now = gates.clock.now()
        await audit.note_read(gates.database, now, "photo.read", [registration_id])
    tag = f'"{found.edition}"'
    # No-cache: a browser may keep it, but asks each time, so that an erased one is gone.
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    if caching.has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(found.jpeg, media_type="image/jpeg", headers=headers)


@router.get("/alerts", tags=["alerts"], summary="What a person should look at, newest first")
async def list_alerts(
    gates: OurGates,
    _: Watcher,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AlertPage:
    async with gates.database.read() as connection:
        rows = await alerts.listed(connection, is_open=is_open, before=cursor, limit=limit + 1)
    more = len(rows) > limit
    about = {row.registration_id for row in rows[:limit] if row.registration_id}
    await audit.note_read(gates.database, gates.clock.now(), "alert.search", about)
    return AlertPage(
        items=[AlertOut.model_validate(row) for row in rows[:limit]],
        next_cursor=str(rows[limit - 1].id) if more else None,
    )


@router.post("/alerts/{alert_id}/acknowledge", tags=["alerts"], summary="Say that it is seen to")
async def acknowledge(gates: OurGates, alert_id: UUID, by: Lead) -> AlertOut:
    """Again, it changes nothing: the first who acknowledged it stays named."""
    return AlertOut.model_validate(await alerts.acknowledge(gates, alert_id, by))


@router.post("/rebuild", tags=["operations"], summary="Begin to make our copy anew")
async def begin_rebuilding(gates: OurGates, _: Organiser) -> Unheard:
    async with gates.database.begin() as tx:
        await audit.note(tx, gates.clock.now(), "copy.begin_rebuilding")
        return await rebuilding.begin(tx)


@router.get("/rebuild", tags=["operations"], summary="What the owners have not spoken of yet")
async def rebuilding_goes_on(gates: OurGates, _: Organiser) -> Unheard:
    async with gates.database.read() as connection:
        return await rebuilding.unheard(connection)


@router.post("/rebuild/finish", tags=["operations"], summary="Stop what no owner knows of")
async def finish_rebuilding(gates: OurGates, _: Organiser) -> Unheard:
    async with gates.database.begin() as tx:
        await audit.note(tx, gates.clock.now(), "copy.finish_rebuilding")
        return await rebuilding.finish(tx)
