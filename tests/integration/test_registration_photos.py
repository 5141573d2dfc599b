"""Photos: taken in whatever form a phone makes them, kept small and clean, shown to few."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from struct import pack

import pytest
from PIL import Image

from deploy.private_servers import PostgreSQL
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
