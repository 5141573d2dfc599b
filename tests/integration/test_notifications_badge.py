"""The badge on its way from badging into the mail, both services real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pypdfium2
import uvicorn
import zxingcpp
from fastapi import FastAPI
from PIL import Image

from deploy.private_servers import free_port
from tests import badging, notifications
from tests.notifications import submitted
from tests.people import confirmed
from tests.servers import MailServer


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Where a running service's app answers over HTTP."""
    port = free_port()
    # Its own lifespan is in other hands.
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def test_the_mail_brings_the_code_that_opens_the_gate(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    registration_id = uuid4()
    async with (
        badging.running(database_url, tmp_path) as desk,
        served(desk.service.app) as url,
        notifications.running(database_url, tmp_path, smtp, url) as notifying,
    ):
        await notifying.hear(submitted(registration_id))
        await desk.hear(confirmed(registration_id))
        await notifying.hear(*await desk.said(registration_id))
        assert (await notifying.outcome(registration_id))[-1] == ("badge", "sent")
        [badge] = await desk.badges(registration_id)
    mail = smtp.to(notifications.address_of(registration_id))[-1]
    files: dict[str, Any] = {
        part.get_content_type(): part.get_payload(decode=True)
        for part in mail.walk()
        if part.get_filename()
    }
    picture = Image.open(BytesIO(files["image/png"]))
    [page] = pypdfium2.PdfDocument(files["application/pdf"])
    for face in (picture, page.render(scale=2).to_pil()):
        found = zxingcpp.read_barcode(face.convert("L"))
        assert found is not None
        assert found.text == badge["credential"]
