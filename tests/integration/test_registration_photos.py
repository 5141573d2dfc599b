"""Photos: taken in whatever form a phone makes them, kept small and clean, shown to few."""

from __future__ import annotations

import random
import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from struct import pack
from typing import Any
from uuid import UUID

import pytest
from PIL import Image, ImageColor

from deploy.private_servers import PostgreSQL
from services.registration.tables import photos
from tests.registration import API, Registering, picture, running, sent_photo


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def shown(registering: Registering, photo: bytes) -> Image.Image:
    """The photo as the desk gets it, after a registrant sent this one."""
    registration_id = await registering.submitted(photo=sent_photo(photo))
    answer = await registering.http.get(
        f"{API}/{registration_id}/photo", headers=registering.organiser
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]
    picture = Image.open(BytesIO(answer.content))
    picture.load()
    assert picture.format == "JPEG"
    return picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_photo_of_a_usual_kind_is_kept(registering: Registering, kind: str) -> None:
    assert (await shown(registering, picture(kind))).size == (300, 400)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
async def test_a_photo_is_taken_as_a_browser_reads_it(registering: Registering, kind: str) -> None:
    url = f"data:image/{kind};base64,{sent_photo(picture(kind.upper()))}"
    registration_id = await registering.submitted(photo=url)
    path = f"{API}/{registration_id}/photo"
    assert (await registering.http.get(path, headers=registering.organiser)).status_code == 200
    own = {"Authorization": f"Bearer {registering.keyring.registrant_token(UUID(registration_id))}"}
    changed = await registering.http.patch(
        f"{API}/{registration_id}", json={"photo": url}, headers=own
    )
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ((3000, 4000), (600, 800)),
        ((4000, 3000), (600, 450)),
        ((1, 1), (1, 1)),
        ((9, 9000), (1, 800)),
    ],
)
async def test_a_photo_is_made_small_and_keeps_its_form(
    registering: Registering, sent: tuple[int, int], kept: tuple[int, int]
) -> None:
    for kind in ("JPEG", "PNG"):
        assert (await shown(registering, picture(kind, sent))).size == kept


async def test_a_photo_stands_upright(registering: Registering) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees to view
    assert (await shown(registering, picture("JPEG", (400, 300), exif=exif))).size == (300, 400)


async def test_where_a_photo_was_taken_is_not_kept(registering: Registering) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera of Grace"
    exif.get_ifd(0x8825)[1] = "N"
    sent = picture("JPEG", exif=exif, comment=b"At home", icc_profile=b"profile of Grace")
    registration_id = await registering.submitted(photo=sent_photo(sent + b"<html>polyglot"))
    answer = await registering.http.get(
        f"{API}/{registration_id}/photo", headers=registering.organiser
    )
    for secret in (b"Grace", b"At home", b"Exif", b"ICC_PROFILE", b"polyglot"):
        assert secret not in answer.content
    assert not Image.open(BytesIO(answer.content)).getexif()


async def test_what_is_transparent_becomes_white(registering: Registering) -> None:
    out = BytesIO()
    Image.new("RGBA", (30, 40), (0, 0, 0, 0)).save(out, "PNG")
    kept = await shown(registering, out.getvalue())
    assert kept.getpixel((15, 20)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
async def test_any_colours_will_do(registering: Registering, mode: str) -> None:
    out = BytesIO()
    Image.new(mode, (30, 40)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    assert (await shown(registering, out.getvalue())).mode == "RGB"


def png(width: int, height: int, *, data: bytes = b"") -> bytes:
    """A PNG that says it has this size, whatever is in it."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return pack(">I", len(content)) + name + content + pack(">I", check)

    head = pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NO_PHOTOS: dict[str, object] = {
    "no base64": "¡photo!",
    "half of base64": "abc",
    "a number": 7,
    "a list": ["abc"],
    "empty": "",
    "nothing in it": sent_photo(b"\0" * 100),
    "an SVG": sent_photo(SVG),
    "an SVG as a data URL": f"data:image/svg+xml;base64,{sent_photo(SVG)}",
    "HTML that calls itself a JPEG": f"data:image/jpeg;base64,{sent_photo(b'<!doctype html>')}",
    "a data URL of text": f"data:text/html;base64,{sent_photo(picture('JPEG'))}",
    "a data URL within": f"{sent_photo(b'abc')}data:image/png;base64,{sent_photo(picture('PNG'))}",
    "a data URL with nothing in it": "data:image/jpeg;base64,",
    "a GIF": sent_photo(picture("GIF")),
    "a TIFF": sent_photo(picture("TIFF")),
    "HTML": sent_photo(b"<!doctype html><script>alert(1)</script>"),
    "half of a JPEG": sent_photo(picture("JPEG")[:600]),
    "a PNG with nothing in it": sent_photo(png(300, 400)),
    "a decompression bomb": sent_photo(png(30_000, 30_000, data=zlib.compress(b"\0" * 10**6))),
    "a picture of 30 megapixels": sent_photo(png(6_000, 5_000)),
    "more than 5 MB": sent_photo(picture("PNG") + b"\0" * 5 * 1024 * 1024),
}


@pytest.mark.parametrize("photo", NO_PHOTOS.values(), ids=NO_PHOTOS.keys())
async def test_what_is_no_photo_is_refused(registering: Registering, photo: object) -> None:
    before = await registering.stored()
    answer = await registering.submit(photo=photo)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["photo"]
    assert await registering.stored() == before


async def test_a_photo_of_5_mb_is_taken(registering: Registering) -> None:
    sent = picture("PNG")
    largest = sent + b"\0" * (5 * 1024 * 1024 - len(sent))
    assert (await shown(registering, largest)).size == (300, 400)


async def test_no_photo_is_no_fault(registering: Registering) -> None:
    for photo in (..., None):
        registration_id = await registering.submitted(photo=photo)
        answer = await registering.http.get(
            f"{API}/{registration_id}/photo", headers=registering.organiser
        )
        assert answer.status_code == 404


async def test_the_same_request_with_another_photo_is_another(registering: Registering) -> None:
    first, other = sent_photo(picture()), sent_photo(picture(size=(30, 40)))
    answers = [
        await registering.submit(idempotency_key="photo", photo=photo)
        for photo in (first, first, other)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 422]


# --- what others are told ------------------------------------------------------------------------


async def told(registering: Registering, registration_id: str) -> list[tuple[str, Any]]:
    """Each event that could bring a photo, and what it brings."""
    return [
        (fact.type.removesuffix(".v1"), fact.photo)
        for fact in await registering.said(UUID(registration_id))
        if hasattr(fact, "photo")
    ]


def is_like(portrait: bytes, color: str) -> bool:
    picture = Image.open(BytesIO(portrait))
    pixel = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, ImageColor.getrgb(color), strict=True)) < 8


async def test_the_photo_travels_when_the_person_may_come_and_not_before(
    registering: Registering,
) -> None:
    photo = sent_photo(picture(size=(3000, 4000)))
    registration_id = await registering.confirmed_address(category="media", photo=photo)
    assert await registering.status(registration_id) == "in_review"
    assert await told(registering, registration_id) == []
    await registering.act(registration_id, "approve")
    [(said, portrait)] = await told(registering, registration_id)
    assert said == "registration.confirmed"
    assert Image.open(BytesIO(portrait)).format == "JPEG"
    assert Image.open(BytesIO(portrait)).size == (240, 320)
    assert is_like(portrait, "teal")


async def test_what_travels_is_small_and_clean_whatever_is_in_the_picture(
    registering: Registering,
) -> None:
    gravel = Image.frombytes("RGB", (600, 800), random.Random(2017).randbytes(600 * 800 * 3))
    exif = Image.Exif()
    exif[0x010F] = "Camera of Grace"
    out = BytesIO()
    gravel.save(out, "JPEG", quality=100, exif=exif, comment=b"At home")
    registration_id = await registering.confirmed_address(photo=sent_photo(out.getvalue()))
    [(_, portrait)] = await told(registering, registration_id)
    assert 0 < len(portrait) <= 16 * 1024
    for secret in (b"Grace", b"At home", b"Exif"):
        assert secret not in portrait


async def test_another_photo_is_told_once_and_none_too(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(photo=sent_photo(picture()))
    own = registering.registrant(registration_id)
    other = sent_photo(picture(color="navy"))
    for photo in (other, other, None, None):
        answer = await registering.amend(registration_id, by=own, photo=photo)
        assert answer.status_code == 200
    _, (said, portrait), (said_then, none) = await told(registering, registration_id)
    assert said == said_then == "registration.photo_changed"
    assert is_like(portrait, "navy")
    assert none is None
    versions = [fact.version for fact in await registering.said(UUID(registration_id))]
    assert versions == [1, 2, 3, 4]
    answer = await registering.http.get(f"{API}/{registration_id}/photo", headers=own)
    assert answer.status_code == 404


async def test_who_changes_name_and_photo_has_both_told(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    photo = sent_photo(picture())
    answer = await registering.amend(registration_id, family_name="Murray", photo=photo)
    assert answer.json()["version"] == 4
    _, _, changed, amended, _ = await registering.said(UUID(registration_id))
    assert (changed.type, amended.type) == (
        "registration.photo_changed.v1",
        "registration.amended.v1",
    )
    assert (changed.version, amended.version) == (3, 4)
    assert is_like(changed.photo, "teal")


async def test_a_photo_changed_before_is_told_with_the_confirmation(
    registering: Registering,
) -> None:
    registration_id = await registering.confirmed_address(
        category="media", photo=sent_photo(picture())
    )
    await registering.amend(registration_id, photo=sent_photo(picture(color="navy")))
    assert await told(registering, registration_id) == []
    await registering.act(registration_id, "approve")
    [(said, portrait)] = await told(registering, registration_id)
    assert said == "registration.confirmed"
    assert is_like(portrait, "navy")


@pytest.mark.parametrize("photo", ["¡photo!", 7, sent_photo(SVG)], ids=["no base64", "7", "SVG"])
async def test_a_correction_that_is_no_photo_changes_nothing(
    registering: Registering, photo: object
) -> None:
    registration_id = await registering.confirmed_address(photo=sent_photo(picture()))
    before = await registering.stored()
    answer = await registering.amend(registration_id, family_name="Murray", photo=photo)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["photo"]
    assert await registering.stored() == before
    assert (await registering.show(registration_id))["family_name"] == "Hopper"


async def test_what_is_said_again_has_the_photo(registering: Registering) -> None:
    pictured = await registering.confirmed_address(photo=sent_photo(picture()))
    plain = await registering.confirmed_address()
    old = await registering.confirmed_address(photo=sent_photo(picture(color="navy")))
    async with registering.service.database.begin() as tx:
        by_the_version_before = photos.update().where(photos.c.registration_id == UUID(old))
        await tx.execute(by_the_version_before.values(portrait=None))
    answer = await registering.http.post(
        "/registration/api/restatements", headers=registering.organiser
    )
    assert answer.status_code == 202
    portraits = [(await told(registering, one))[-1] for one in (pictured, plain, old)]
    assert {said for said, _ in portraits} == {"registration.restated"}
    assert is_like(portraits[0][1], "teal")
    assert portraits[1][1] is None
    assert is_like(portraits[2][1], "navy")
