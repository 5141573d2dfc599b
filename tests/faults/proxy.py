"""A TCP proxy that makes the troubles of a network, between the services and a server."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

CHUNK: Final = 65536
AT_ONCE_AND_HARD: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends RST and forgets what was not sent."""


@dataclass(eq=False)
class _Line:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    deaf: bool = False
    """The other end is gone and nobody told: what is sent is taken, and goes nowhere."""
    forgotten: bool = False
    """Deaf for good."""
    pumps: list[asyncio.Task[None]] = field(default_factory=list)
    is_cut: bool = False

    def reset(self) -> None:
        self.is_cut = True
        for writer in (self.client, self.server):
            if writer is None:
                continue
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE_AND_HARD
                )
            writer.transport.abort()
        for pump in self.pumps:
            pump.cancel()


class Proxy:
    """Passes everything on to a port of 127.0.0.1, until it is told otherwise."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lines: set[_Line] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._refuses = self._is_deaf = False
        self.delay = 0.0
        """Seconds by which each piece comes later."""

    @property
    def port(self) -> int:
        assert self._server is not None, "the proxy was never started"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        pumps = [pump for line in self._lines for pump in line.pumps]
        for line in list(self._lines):
            line.reset()
        await asyncio.gather(*pumps, return_exceptions=True)

    def reset(self) -> None:
        """Cut every connection at once, with RST to both ends."""
        for line in list(self._lines):
            if not line.forgotten:
                line.reset()

    def refuse(self) -> None:
        """Cut every connection, and every new one as it comes."""
        self._refuses = True
        self.reset()

    def hold_back(self) -> None:
        """Keep connections open and pass nothing on; later it goes on where it was."""
        self._flows.clear()

    def go_deaf(self) -> None:
        """Half-open: keep connections, old and new, take what is sent, and lose it."""
        self._is_deaf = True
        for line in self._lines:
            line.deaf = True

    def recover(self, *, tell: bool = True) -> None:
        """No more trouble for new connections.

        Args:
            tell: cut the connections that lost something. Otherwise they stay deaf for good, as
                when a host vanished, and whoever holds one must find it out.
        """
        self.delay = 0.0
        self._refuses = self._is_deaf = False
        self._flows.set()
        for line in list(self._lines):
            if line.deaf and not line.forgotten:
                line.forgotten = not tell
                if tell:
                    line.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(writer, deaf=self._is_deaf)
        self._lines.add(line)
        try:
            if self._refuses:
                return
            there, line.server = await asyncio.open_connection("127.0.0.1", self._target)
            if line.is_cut:  # meanwhile
                return
            line.pumps = [
                asyncio.create_task(self._pump(line, reader, line.server)),
                asyncio.create_task(self._pump(line, there, line.client)),
            ]
            await asyncio.wait(line.pumps)
        except OSError:
            pass  # the server is down: the client is told so by RST, as if there were no proxy
        finally:
            line.reset()
            self._lines.discard(line)

    async def _pump(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flows.wait()
                if not line.deaf:
                    writer.write(piece)
                    await writer.drain()
        if line.deaf:
            # Nobody hears of the end of a line that is dead.
            await asyncio.get_running_loop().create_future()
        # Either end gone is the end of both, as with a server that is killed.
        line.reset()
