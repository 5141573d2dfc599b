"""The local mailbox: what comes in by SMTP can be read, and runs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from deploy.mailbox import Mailbox
from deploy.mailbox.store import Store

PNG = b"\x89PNG\r\n\x1a\n and so on"


def mail(to: str = "Zoë Müller <zoe@example.org>", subject: str = "Your badge") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "forum@example.org", to, subject
    message.set_content("Show the code at the entrance.")
    message.add_alternative(
        "<html><head><title>x</title></head><body><img src='cid:badge@forum'>"
        "<script>alert(1)</script><a href='http://127.0.0.1/'>here</a></body></html>",
        subtype="html",
    )
    message.add_attachment(
        PNG, maintype="image", subtype="png", cid="<badge@forum>", filename="badge.png"
    )
    message.add_attachment("BEGIN:VCALENDAR", subtype="calendar", filename="forum.ics")
    return message


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[int, httpx.AsyncClient]]:
    """A mailbox: the port that takes mail, and a browser on this machine."""
    mailbox = Mailbox(folder)
    port = await mailbox.start("127.0.0.1", 0)
    transport = httpx.ASGITransport(mailbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield port, http
    await mailbox.stop()


async def send(port: int, message: EmailMessage) -> None:
    await aiosmtplib.send(message, hostname="127.0.0.1", port=port)


async def ids(http: httpx.AsyncClient, to: str = "") -> list[str]:
    items = (await http.get("/mailbox/api/messages", params={"to": to})).json()["items"]
    return [item["id"] for item in items]


async def test_a_mail_can_be_read_with_its_picture_and_its_files(tmp_path: Path) -> None:
    async with running(tmp_path) as (port, http):
        await send(port, mail())
        page = (await http.get("/mailbox/")).text
        assert "Your badge" in page
        assert "Zoë Müller" in page
        [mail_id] = await ids(http)
        opened = (await http.get(f"/mailbox/{mail_id}")).text
        assert "badge.png" in opened
        assert "Show the code at the entrance." in opened
        html = await http.get(f"/mailbox/{mail_id}/html")
        assert f"src='/mailbox/{mail_id}/parts/0'" in html.text
        picture = await http.get(f"/mailbox/{mail_id}/parts/0")
        assert (picture.headers["Content-Type"], picture.content) == ("image/png", PNG)
        calendar = await http.get(f"/mailbox/{mail_id}/parts/1")
        assert calendar.headers["Content-Disposition"].startswith("attachment")
        assert "Subject: Your badge" in (await http.get(f"/mailbox/{mail_id}/source")).text


async def test_a_mail_runs_nothing_and_its_links_leave_the_frame(tmp_path: Path) -> None:
    async with running(tmp_path) as (port, http):
        await send(port, mail())
        [mail_id] = await ids(http)
        html = await http.get(f"/mailbox/{mail_id}/html")
        policy = html.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "allow-scripts" not in policy
        assert '<base target="_top">' in html.text


async def test_what_a_sender_writes_is_text_in_our_pages(tmp_path: Path) -> None:
    async with running(tmp_path) as (port, http):
        await send(port, mail(subject="<script>alert(1)</script>"))
        [mail_id] = await ids(http)
        for path in ("/mailbox/", f"/mailbox/{mail_id}"):
            assert "<script>" not in (await http.get(path)).text


async def test_the_newest_is_first_and_an_address_finds_its_mail(tmp_path: Path) -> None:
    async with running(tmp_path) as (port, http):
        for number in range(3):
            await send(port, mail(f"person{number}@example.org", f"Mail {number}"))
        items = (await http.get("/mailbox/api/messages")).json()["items"]
        assert [item["subject"] for item in items] == ["Mail 2", "Mail 1", "Mail 0"]
        assert len(await ids(http, "PERSON1@example.org")) == 1
        assert await ids(http, "nobody@example.org") == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        # White space between encoded words is none of the text, on one line or on two.
        ("=?utf-8?q?Zo=C3=AB_M=C3=BC?=\r\n =?utf-8?q?ller?= <z@e.org>", "Zoë Müller <z@e.org>"),
        ("=?utf-8?q?Zo=C3=AB?= =?utf-8?q?_M=C3=BCller?= <z@e.org>", "Zoë Müller <z@e.org>"),
        (
            "=?utf-8?b?0JDQtNCw?=\t=?utf-8?B?INCR0LDQudGA0L7QvQ==?= <a@e.org>",
            "Ада Байрон <a@e.org>",
        ),
        # Beside other words it is.
        ("=?iso-8859-1?q?Zo=EB?= Miller\r\n <z@e.org>", "Zoë Miller <z@e.org>"),
        ("Zoë Müller <z@e.org>", "Zoë Müller <z@e.org>"),
        # What cannot be read stands as it came.
        ("=?klingon?q?Worf?= <w@e.org>", "=?klingon?q?Worf?= <w@e.org>"),
        ("=?utf-8?b?A?= <w@e.org>", "=?utf-8?b?A?= <w@e.org>"),
    ],
)
def test_a_name_in_several_encoded_words_is_one(tmp_path: Path, written: str, shown: str) -> None:
    store = Store(tmp_path)
    store.keep(f"To: {written}\r\nFrom: {written}\r\nSubject: {written}\r\n\r\n".encode())
    [entry] = store.newest_first()
    assert [entry.to, entry.sender, entry.subject] == [shown] * 3


async def test_mail_outlives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as (port, http):
        await send(port, mail())
        before = await ids(http)
    async with running(tmp_path) as (_, http):
        assert await ids(http) == before


async def test_what_cannot_be_kept_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_store: Store, _raw: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with running(tmp_path) as (port, http):
        monkeypatch.setattr(Store, "keep", full)
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await send(port, mail())
        assert refused.value.code == 452
        assert await ids(http) == []


@pytest.mark.parametrize(
    "path",
    ["nothing", "0" * 32, f"{'0' * 32}/html", f"{'0' * 32}/parts/0", "look/../store.py", "../x"],
)
async def test_there_is_no_mail_for_a_made_up_address(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as (_, http):
        assert (await http.get(f"/mailbox/{path}")).status_code == 404


async def test_many_senders_at_once_lose_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (port, http):
        await asyncio.gather(*(send(port, mail(f"p{n}@example.org")) for n in range(40)))
        assert len(await ids(http)) == 40


async def test_it_is_for_this_machine_only(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    transport = httpx.ASGITransport(mailbox.app, client=("203.0.113.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        assert (await http.get("/mailbox/")).status_code == 403
