"""The badging service over HTTP: files, lists, who may ask, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import httpx
import psutil
import pypdfium2
import pytest
import zxingcpp
from icalendar import Calendar
from PIL import Image, ImageColor

from deploy.private_servers import PostgreSQL
from shared.access import Role
from shared.events import (
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationLinksRevoked,
    RegistrationPhotoChanged,
    RegistrationReopened,
)
from tests.badging import Badging, running
from tests.people import confirmed, person, portrait

PHOTO = (330, 1290)
"""A pixel of every badge that is in the photo, if there is one."""


@pytest.fixture(scope="module")
async def badging(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Badging]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


# --- the files -----------------------------------------------------------------------------------


async def test_the_picture_and_the_print_show_the_credential(badging: Badging) -> None:
    badge = await badging.issue(family_name="ابن الهيثم", language="ar", country="IQ")
    png = await badging.http.get(f"/badging/api/badges/{badge['id']}.png", headers=badging.desk)
    pdf = await badging.http.get(f"/badging/api/badges/{badge['id']}.pdf", headers=badging.desk)
    assert (png.headers["Content-Type"], pdf.headers["Content-Type"]) == (
        "image/png",
        "application/pdf",
    )
    [page] = pypdfium2.PdfDocument(pdf.content)
    for picture in (Image.open(BytesIO(png.content)), page.render(scale=2).to_pil()):
        found = zxingcpp.read_barcode(picture.convert("L"))
        assert found is not None
        assert found.text == badge["credential"]


async def test_the_link_in_the_event_opens_the_files_without_sign_in(badging: Badging) -> None:
    badge = await badging.issue()
    [issued] = await badging.said(UUID(badge["registration_id"]))
    for suffix, begins in ((".png", b"\x89PNG"), (".pdf", b"%PDF")):
        answer = await badging.http.get(issued.files_link.replace("{suffix}", suffix))
        assert answer.status_code == 200
        assert answer.content.startswith(begins)
        assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_whoever_hears_of_a_badge_finds_its_photo_on_it(badging: Badging) -> None:
    badge = await badging.issue(photo=portrait("teal"))
    [issued] = await badging.said(UUID(badge["registration_id"]))
    assert await _photos_on(badging, issued.files_link) == ["teal", "teal"]

    changed = RegistrationPhotoChanged(
        registration_id=issued.registration_id, version=3, photo=portrait("navy")
    )
    tag = (await badging.http.get(issued.files_link.replace("{suffix}", ".png"))).headers["ETag"]
    await badging.hear(changed)
    assert await _photos_on(badging, issued.files_link) == ["navy", "navy"]
    again = await badging.http.get(
        issued.files_link.replace("{suffix}", ".png"), headers={"If-None-Match": tag}
    )
    assert again.status_code == 200

    await badging.hear(changed.model_copy(update={"version": 4, "photo": None}))
    assert not {"teal", "navy"} & set(await _photos_on(badging, issued.files_link))


async def _photos_on(badging: Badging, files_link: str) -> list[str]:
    """What colour the photo has: on the picture, and on the print."""
    png, pdf = [
        (await badging.http.get(files_link.replace("{suffix}", suffix))).content
        for suffix in (".png", ".pdf")
    ]
    [page] = pypdfium2.PdfDocument(pdf)
    pictures = (Image.open(BytesIO(png)), page.render(scale=300 / 72).to_pil())
    return [_nearest(picture.convert("RGB").getpixel(PHOTO)) for picture in pictures]


def _nearest(pixel: Any) -> str:
    return min(
        ("teal", "navy", "white", "black"),
        key=lambda name: sum(
            abs(a - b) for a, b in zip(ImageColor.getrgb(name), pixel, strict=True)
        ),
    )


async def test_a_link_opens_one_badge_only(badging: Badging) -> None:
    mine, other = await badging.issue(), await badging.issue()
    [issued] = await badging.said(UUID(mine["registration_id"]))
    stolen = issued.files_link.replace(mine["id"], other["id"]).replace("{suffix}", ".png")
    assert (await badging.http.get(stolen)).status_code == 401


async def test_the_code_comes_alone_and_large(badging: Badging) -> None:
    badge = await badging.issue()
    [issued] = await badging.said(UUID(badge["registration_id"]))
    token = badging.keyring.registrant_token(UUID(badge["registration_id"]))
    for address in (
        issued.files_link.replace("{suffix}", ".qr.png"),
        f"/badging/me.qr.png?token={token}",
    ):
        answer = await badging.http.get(address)
        assert answer.headers["Content-Type"] == "image/png"
        picture = Image.open(BytesIO(answer.content))
        assert picture.width == picture.height >= 500
        [read] = zxingcpp.read_barcodes(picture)
        assert read.text == badge["credential"]


async def test_all_files_of_a_badge_come_in_one_archive(badging: Badging) -> None:
    badge = await badging.issue()
    [issued] = await badging.said(UUID(badge["registration_id"]))

    async def file(suffix: str) -> httpx.Response:
        return await badging.http.get(issued.files_link.replace("{suffix}", suffix))

    archive = await file(".zip")
    assert archive.headers["Content-Type"] == "application/zip"
    with ZipFile(BytesIO(archive.content)) as files:
        assert files.testzip() is None
        assert set(files.namelist()) == {"badge.png", "badge.qr.png", "badge.pdf"}
        for suffix in (".png", ".qr.png"):
            assert files.read(f"badge{suffix}") == (await file(suffix)).content
        assert files.read("badge.pdf").startswith(b"%PDF")
    assert (await file(".zip")).content == archive.content


async def test_a_badge_is_drawn_although_the_process_that_draws_was_killed(
    badging: Badging,
) -> None:
    for _ in range(2):
        url = f"/badging/api/badges/{(await badging.issue())['id']}.png"
        assert (await badging.http.get(url, headers=badging.desk)).status_code == 200
        for child in psutil.Process().children():
            if "anyio.to_process" in child.cmdline():
                child.kill()


async def test_a_picture_that_has_not_changed_is_not_sent_again(badging: Badging) -> None:
    badge = await badging.issue()
    url = f"/badging/api/badges/{badge['id']}.png"
    first = await badging.http.get(url, headers=badging.desk)
    tag = {"If-None-Match": f'"other", W/{first.headers["ETag"]}'}
    again = await badging.http.get(url, headers=badging.desk | tag)
    assert (again.status_code, again.content) == (304, b"")
    await badging.hear(
        RegistrationAmended(
            registration_id=UUID(badge["registration_id"]),
            version=3,
            person=person(language="fr"),
        )
    )
    changed = await badging.http.get(url, headers=badging.desk | tag)
    assert changed.status_code == 200


async def test_a_revoked_badge_is_shown_to_staff_only(badging: Badging) -> None:
    badge = await badging.issue()
    [issued] = await badging.said(UUID(badge["registration_id"]))
    link = issued.files_link.replace("{suffix}", ".png")
    token = badging.keyring.registrant_token(UUID(badge["registration_id"]))
    await badging.post(badge["id"], "revoke", reason="Stolen")
    assert (await badging.http.get(link)).status_code == 410
    assert (await badging.http.get("/badging/me.png", params={"token": token})).status_code == 410
    assert (await badging.http.get(link, headers=badging.desk)).status_code == 200


async def test_a_cancelled_badge_is_shown_to_nobody(badging: Badging) -> None:
    badge = await badging.issue()
    about = UUID(badge["registration_id"])
    await badging.hear(RegistrationCancelled(registration_id=about, version=3))
    url = f"/badging/api/badges/{badge['id']}.png"
    answer = await badging.http.get(url, headers=badging.desk)
    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:forum-pass:problem:badge-cancelled"


async def test_registrants_see_their_own_badge_once_it_is_there(badging: Badging) -> None:
    registration_id = uuid4()
    token = {"token": badging.keyring.registrant_token(registration_id)}
    assert (await badging.http.get("/badging/me.png", params=token)).status_code == 404
    await badging.hear(confirmed(registration_id))
    png = await badging.http.get("/badging/me.png", params=token)
    pdf = await badging.http.get("/badging/me.pdf", params=token)
    assert (png.status_code, pdf.status_code) == (200, 200)
    [badge] = await badging.badges(registration_id)
    assert badge["number"] in pdf.headers["Content-Disposition"]


async def test_the_own_badge_goes_into_a_calendar_on_its_days(badging: Badging) -> None:
    badge = await badging.issue(days=(1,))
    token = {"token": badging.keyring.registrant_token(UUID(badge["registration_id"]))}
    answer = await badging.http.get("/badging/me.ics", params=token)
    assert answer.headers["Content-Type"].startswith("text/calendar")
    [entry] = Calendar.from_ical(answer.text).walk("VEVENT")
    assert str(entry.decoded("DTSTART")) == "2017-06-13 07:30:00+02:00"
    # The same entry as the mail's: a calendar that has one shows no second.
    assert entry["UID"] == f"{badge['registration_id']}@itu.int"
    assert "token" not in answer.text


async def test_a_revoked_link_opens_no_badge(badging: Badging) -> None:
    badge = await badging.issue()
    registration_id = UUID(badge["registration_id"])
    revoked = RegistrationLinksRevoked(registration_id=registration_id, version=3, first_valid=3)
    older = revoked.model_copy(update={"first_valid": 2})
    await badging.hear(revoked, older)
    for number, opens in ((1, False), (2, False), (3, True), (4, True)):
        token = badging.keyring.registrant_token(registration_id, number)
        for path in ("me.png", "me.ics", f"api/badges/{badge['id']}", "api/badges"):
            bearer = {"Authorization": f"Bearer {token}"}
            answer = await badging.http.get(f"/badging/{path}", headers=bearer)
            assert answer.status_code == (200 if opens else 401), path


@pytest.mark.parametrize("path", ["me.pkpass", "me.google-wallet", "me.certificate.pdf"])
async def test_a_revoked_link_opens_neither_wallet_nor_certificate(
    badging: Badging, path: str
) -> None:
    badge = await badging.issue()
    registration_id = UUID(badge["registration_id"])
    await badging.hear(
        RegistrationLinksRevoked(registration_id=registration_id, version=3, first_valid=2)
    )
    for number, status in ((1, 401), (2, 404)):  # there is no key, and no certificate
        token = badging.keyring.registrant_token(registration_id, number)
        answer = await badging.http.get(f"/badging/{path}", params={"token": token})
        assert answer.status_code == status


async def test_who_is_in_review_again_has_no_badge_until_accepted_anew(badging: Badging) -> None:
    badge = await badging.issue()
    registration_id = UUID(badge["registration_id"])
    await badging.hear(
        RegistrationReopened(registration_id=registration_id, version=3, had_a_badge=True)
    )
    [stopped] = await badging.badges(registration_id)
    assert stopped["status"] == "cancelled"
    await badging.hear(confirmed(registration_id, version=4, category="government"))
    newest = (await badging.badges(registration_id))[0]
    assert (newest["status"], newest["id"] != badge["id"]) == ("valid", True)


async def test_whoever_looks_a_moment_too_early_sees_the_badge_all_the_same(
    badging: Badging,
) -> None:
    registration_id = uuid4()
    token = {"token": badging.keyring.registrant_token(registration_id)}
    looking = asyncio.create_task(badging.http.get("/badging/me.png", params=token))
    await asyncio.sleep(0.3)  # it has asked once in vain
    assert not looking.done()
    await badging.hear(confirmed(registration_id))
    assert (await looking).status_code == 200


async def test_the_own_badge_needs_the_registrants_link(badging: Badging) -> None:
    assert (await badging.http.get("/badging/me.png")).status_code == 401
    assert (await badging.http.get("/badging/me.pdf?token=wrong")).status_code == 401


# --- who may ask, and what for -------------------------------------------------------------------


async def test_a_badge_is_found_by_the_number_as_people_type_it(badging: Badging) -> None:
    badge = await badging.issue()
    typed = badge["number"].lower().replace("-", " ")
    answer = await badging.http.get(
        "/badging/api/badges", params={"number": typed}, headers=badging.desk
    )
    assert answer.json() == {"items": [badge], "next_cursor": None}


async def test_the_list_goes_on_with_its_cursor(badging: Badging) -> None:
    made = [(await badging.issue())["id"] for _ in range(101)]
    first = (await badging.http.get("/badging/api/badges", headers=badging.desk)).json()
    assert [badge["id"] for badge in first["items"]] == made[:0:-1]
    rest = await badging.http.get(
        "/badging/api/badges", params={"cursor": first["next_cursor"]}, headers=badging.desk
    )
    assert rest.json()["items"][0]["id"] == made[0]


async def test_the_list_is_as_long_as_is_asked_for(badging: Badging) -> None:
    older, newer, newest = [await badging.issue() for _ in range(3)]
    asked = {"limit": 2}
    first = await badging.http.get("/badging/api/badges", params=asked, headers=badging.desk)
    assert first.json()["items"] == [newest, newer]
    asked["cursor"] = first.json()["next_cursor"]
    second = await badging.http.get("/badging/api/badges", params=asked, headers=badging.desk)
    assert second.json()["items"][0] == older


async def test_a_registrant_is_kept_to_their_own_badges(badging: Badging) -> None:
    own, other = await badging.issue(), await badging.issue()
    token = {"token": badging.keyring.registrant_token(UUID(own["registration_id"]))}
    listed = await badging.http.get("/badging/api/badges", params=token)
    assert listed.json()["items"] == [own]
    assert (await badging.http.get(f"/badging/api/badges/{own['id']}", params=token)).json() == own
    for path, params in (
        ("", {"registration_id": other["registration_id"]}),
        (f"/{other['id']}", {}),
        (f"/{other['id']}.png", {}),
    ):
        answer = await badging.http.get(f"/badging/api/badges{path}", params=token | params)
        assert answer.status_code == 403
    assert (
        await badging.http.get(f"/badging/api/badges/{'0' * 16}", params=token)
    ).status_code == 404


CALLS = [
    ("GET", "/badging/api/badges"),
    ("GET", "/badging/api/badges/{id}"),
    ("GET", "/badging/api/badges/{id}.png"),
    ("GET", "/badging/api/badges/{id}.pdf"),
    ("POST", "/badging/api/badges/{id}/revoke"),
    ("POST", "/badging/api/badges/{id}/reissue"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_strangers_and_other_roles_are_refused(
    badging: Badging, method: str, path: str
) -> None:
    badge = await badging.issue()
    body = {"reason": "Lost"} if method == "POST" else None
    url = path.format(id=badge["id"])
    registrant = badging.keyring.registrant_token(UUID(badge["registration_id"]))
    refused = {
        401: [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}],
        403: [badging.staff(role) for role in Role if role not in (Role.desk, Role.organiser)],
    }
    if method == "POST":
        refused[401].append({"Authorization": f"Bearer {registrant}"})
    for status, callers in refused.items():
        for headers in callers:
            answer = await badging.http.request(method, url, json=body, headers=headers)
            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert await badging.badges(UUID(badge["registration_id"])) == [badge]


@pytest.mark.parametrize(("method", "path"), CALLS[1:])
@pytest.mark.parametrize("badge_id", ["0" * 16, "0", "x" * 16, "0" * 15 + "%00", "0" * 16 + "%0A"])
async def test_an_id_of_no_badge_is_not_found(
    badging: Badging, method: str, path: str, badge_id: str
) -> None:
    answer = await badging.http.request(
        method,
        path.format(id=badge_id),
        json={"reason": "Lost"} if method == "POST" else None,
        headers=badging.desk,
    )
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:forum-pass:problem:not-found"


@pytest.mark.parametrize(
    "reason", ["", " ", "x" * 501, "two\nlines", "nul\0", "\ud800", None, 7, ["Lost"]]
)
async def test_a_reason_that_is_none_is_refused(badging: Badging, reason: object) -> None:
    badge = await badging.issue()
    answer = await badging.post(badge["id"], "revoke", reason=reason)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "reason"
    assert await badging.badges(UUID(badge["registration_id"])) == [badge]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("registration_id", "7"),
        ("status", "lost"),
        ("number", "7KQ2-M9XX"),
        ("cursor", "first"),
        ("cursor", "0"),
        ("cursor", "9" * 19),
        ("limit", "0"),
        ("limit", "201"),
    ],
)
async def test_a_wrong_filter_is_named(badging: Badging, field: str, value: str) -> None:
    answer = await badging.http.get(
        "/badging/api/badges", params={field: value}, headers=badging.desk
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("act", ["revoke", "reissue"])
async def test_a_mistyped_reason_is_not_lost(badging: Badging, act: str) -> None:
    badge = await badging.issue()
    answer = await badging.post(badge["id"], act, reason="Lost", reson="Lost")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["reson"]
    assert await badging.badges(UUID(badge["registration_id"])) == [badge]


async def test_malformed_json_is_refused(badging: Badging) -> None:
    badge = await badging.issue()
    answer = await badging.http.post(
        f"/badging/api/badges/{badge['id']}/revoke",
        content="{",
        headers=badging.desk | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 400


async def test_the_contract_documents_every_refusal(badging: Badging) -> None:
    document = (await badging.http.get("/badging/api/openapi.json")).json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for status, answer in operation["responses"].items():
                if status[0] not in "23":
                    assert list(answer["content"]) == ["application/problem+json"], path
