"""HTTP for people: the gate app, the live page, and where devices are paired."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Annotated
from uuid import UUID

import qrcode
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from qrcode.image.svg import SvgPathImage

from services.checkin import devices
from services.checkin.api import LEADS, WATCHERS, check_gate
from services.checkin.device_state import CLOCK_OFF
from services.checkin.gates import OurGates
from services.checkin.schemas import Label
from shared.access import Staff, require
from shared.pages import OurPages
from shared.problems import Problem, not_found

BUILT = Path(__file__).parent / "web" / "dist"
FOR_EVER = "public, max-age=31536000, immutable"
"""Built files have a digest of their content in their names."""
QUIET = timedelta(minutes=1)
"""Devices tell their state every 20 seconds: one that has not for so long has no network."""


router = APIRouter(include_in_schema=False)
Lead = Annotated[Staff, Depends(require(*LEADS))]


@router.get("/gate/")
async def gate_app() -> Response:
    return _built("gate.html", "no-cache")


@router.get("/gate")
async def gate_app_without_slash() -> Response:
    return RedirectResponse("/checkin/gate/")


@router.get("/gate/sw.js")
async def gate_worker() -> Response:
    # Here and not among the built files: a worker may serve pages below its own address only.
    return _built("gate-worker.js", "no-cache")


@router.get("/live")
async def live(_: Annotated[Staff, Depends(require(*WATCHERS))]) -> Response:
    return _built("live.html", "no-cache")


@router.get("/web/{path:path}")
async def built(path: str) -> Response:
    return _built(path, FOR_EVER if path.startswith("assets/") else "no-cache")


@router.get("/devices")
async def all_devices(request: Request, gates: OurGates, pages: OurPages, _: Lead) -> Response:
    async with gates.database.read() as connection:
        rows = await devices.all_devices(connection)
    quiet_since = gates.clock.now() - QUIET
    return pages.render(
        request,
        "devices.html",
        working=[row for row in rows if row.revoked_at is None],
        stopped=[row for row in rows if row.revoked_at is not None],
        gates=gates.forum.gates,
        # A device may stand at a gate that the forum has no more.
        gate_names={gate.id: gate.name for gate in gates.forum.gates},
        last_contact=devices.last_contact,
        quiet_since=quiet_since,
        clock_off=CLOCK_OFF.total_seconds(),
    )


@router.post("/devices/pair")
async def pair(
    request: Request,
    gates: OurGates,
    pages: OurPages,
    by: Lead,
    gate: Annotated[str, Form()],
    label: Annotated[Label, Form()],
) -> Response:
    if gate not in {one.id for one in gates.forum.gates}:
        raise not_found("gate")
    offered = await devices.offer_enrolment(gates, gate, label, by)
    return pages.render(
        request,
        "pairing.html",
        gate=gates.forum.gate(gate),
        label=label,
        offered=offered,
        qr=_svg(offered.url),
    )


@router.post("/devices/{device_id}/move")
async def move(gates: OurGates, device_id: UUID, _: Lead, gate: Annotated[str, Form()]) -> Response:
    check_gate(gates, gate)
    await devices.move(gates, device_id, gate, None)
    return RedirectResponse("/checkin/devices", 303)


@router.post("/devices/{device_id}/revoke")
async def revoke(gates: OurGates, device_id: UUID, _: Lead) -> Response:
    await devices.revoke(gates, device_id)
    return RedirectResponse("/checkin/devices", 303)


def _built(path: str, cache: str) -> Response:
    if not BUILT.exists():
        raise Problem(503, "not-built", "The gate app is not built: run 'make up'.")
    file = _file(path)
    if file is None:
        raise not_found("file")
    return FileResponse(file, headers={"Cache-Control": cache})


def _file(path: str) -> Path | None:
    try:
        file = (BUILT / path).resolve()
        return file if file.is_relative_to(BUILT) and file.is_file() else None
    except (ValueError, OSError):  # no name that a file can have
        return None


def _svg(text: str) -> str:
    """A QR as SVG for the page; the text is ours, nothing of a user's is in it."""
    image = qrcode.make(text, image_factory=SvgPathImage, border=2)
    buffer = BytesIO()
    image.save(buffer)
    return buffer.getvalue().decode()
