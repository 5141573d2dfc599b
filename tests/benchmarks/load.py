"""Requests as fast as the answers come, from a client thin enough not to be what is measured."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What came of it."""

    connections: int
    seconds: float
    answer_ms: Sequence[float]
    """Time to each answer, sorted."""

    @property
    def per_second(self) -> float:
        return len(self.answer_ms) / self.seconds

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.answer_ms)

    @property
    def p99_ms(self) -> float:
        return self.answer_ms[int(len(self.answer_ms) * 0.99)]


async def post_all(
    port: int, path: str, bodies: Sequence[bytes], headers: Mapping[str, str], connections: int
) -> Load:
    """Post each body once, over so many connections that are kept open.

    Raises:
        AssertionError: an answer was neither 200 nor 201.
    """
    waiting = iter(bodies)
    answer_ms: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(
        *(_post(port, path, waiting, headers, answer_ms) for _ in range(connections))
    )
    return Load(connections, time.perf_counter() - started, sorted(answer_ms))


async def _post(
    port: int,
    path: str,
    waiting: Iterator[bytes],
    headers: Mapping[str, str],
    answer_ms: list[float],
) -> None:
    async with caller(port, headers) as post:
        for body in waiting:
            sent = time.perf_counter()
            answer = await post(path, body)
            answer_ms.append((time.perf_counter() - sent) * 1000)
            assert json.loads(answer)


Post = Callable[[str, bytes], Awaitable[bytes]]
"""Sends JSON to a path; answers the body of the answer."""


@asynccontextmanager
async def caller(port: int, headers: Mapping[str, str]) -> AsyncIterator[Post]:
    """Posts over one connection, which is kept open.

    Raises:
        AssertionError: an answer was neither 200 nor 201.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fixed = {"Host": "127.0.0.1", "Content-Type": "application/json", **headers}
    lines = "".join(f"{name}: {fixed[name]}\r\n" for name in fixed)

    async def post(path: str, body: bytes) -> bytes:
        head = f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        return await _answer(reader)

    try:
        yield post
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    assert " 200 " in status or " 201 " in status, status
    [length] = [int(line[15:]) for line in lines if line.lower().startswith("content-length:")]
    return await reader.readexactly(length)
