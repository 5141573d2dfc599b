"""The mailbox as a process of its own: `python -m deploy.mailbox`, for `make processes`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
import uvicorn

from deploy.mailbox import Mailbox
from shared import log as logs
from shared.settings import Settings, load

HOST = "127.0.0.1"


def main(
    smtp_port: Annotated[int, typer.Option(help="Where mail comes in.")],
    http_port: Annotated[int, typer.Option(help="Where it can be read.")],
) -> None:
    """Take mail and show it until SIGTERM."""
    settings = load(Settings)
    logs.set_up(settings)
    asyncio.run(_run(Mailbox(settings.home / "mailbox"), smtp_port, http_port))


async def _run(mailbox: Mailbox, smtp_port: int, http_port: int) -> None:
    await mailbox.start(HOST, smtp_port)
    config = uvicorn.Config(
        mailbox.app, host=HOST, port=http_port, log_config=None, access_log=False
    )
    try:
        await uvicorn.Server(config).serve()
    finally:
        await mailbox.stop()


if __name__ == "__main__":
    typer.run(main)
