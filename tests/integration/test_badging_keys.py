"""Signing keys: made once, published, rotated, retired."""

from __future__ import annotations

import asyncio
import stat
from base64 import urlsafe_b64decode
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from nacl.signing import VerifyKey

from services.badging.keys import Keys, SigningKeyUnusable
from shared import credential
from shared.access import Role
from shared.events import KeyPublished
from shared.problems import Problem
from tests.badging import Badging, running


def keys_of(badging: Badging) -> Keys:
    given = badging.service.platform
    return Keys(badging.service.database, given.clock, given.settings.home / "keys")


async def published(badging: Badging) -> dict[int, VerifyKey]:
    """The keys that a gate would take from the JWKS."""
    document = (await badging.http.get("/badging/api/keys")).json()
    return {
        int(jwk["kid"]): VerifyKey(urlsafe_b64decode(jwk["x"] + "=")) for jwk in document["keys"]
    }


def verified_key(badge: dict[str, Any], keys: dict[int, VerifyKey]) -> int:
    return credential.parse(badge["credential"]).verify(keys).key_id


async def test_the_first_start_makes_and_publishes_a_key(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        answer = await badging.http.get("/badging/api/keys")
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        [jwk] = answer.json()["keys"]
        assert jwk == {
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "1", "x": jwk["x"],
        }  # fmt: skip
        [fact] = await badging.said()
        assert isinstance(fact, KeyPublished)
        assert bytes.fromhex(fact.public_key) == urlsafe_b64decode(jwk["x"] + "=")
        assert verified_key(await badging.issue(), await published(badging)) == 1


async def test_the_private_half_is_for_its_owner_only(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path):
        [file] = (tmp_path / "keys").iterdir()
        assert file.name == "badge-1.pem"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_replicas_that_start_together_share_one_key(
    database_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        replicas = await asyncio.gather(
            *(stack.enter_async_context(running(database_url, tmp_path)) for _ in range(3))
        )
        keys = await published(replicas[0])
        assert set(keys) == {1}
        for replica in replicas:
            assert verified_key(await replica.issue(), keys) == 1


async def test_a_service_started_again_signs_with_the_key_that_it_had(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        before = await badging.issue()
    async with running(database_url, tmp_path) as badging:
        keys = await published(badging)
        assert verified_key(before, keys) == verified_key(await badging.issue(), keys) == 1


async def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        before = await badging.issue()
        assert await keys_of(badging).rotate() == 2
        after = await badging.issue()
        keys = await published(badging)
        assert (verified_key(before, keys), verified_key(after, keys)) == (1, 2)
        facts = [fact for fact in await badging.said() if isinstance(fact, KeyPublished)]
        assert [fact.key_id for fact in facts] == [1, 2]


async def test_a_retired_key_no_longer_verifies(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        before = await badging.issue()
        await keys_of(badging).rotate()
        await keys_of(badging).retire(1)
        await keys_of(badging).retire(1)
        with pytest.raises(credential.UnknownKey):
            verified_key(before, await published(badging))
        facts = [fact for fact in await badging.said() if isinstance(fact, KeyPublished)]
        assert [(fact.key_id, fact.retired) for fact in facts] == [
            (1, False),
            (2, False),
            (1, True),
        ]
        assert await badging.badges(UUID(before["registration_id"])) == [before]


@pytest.mark.parametrize(("key_id", "status"), [(1, 409), (7, 404)])
async def test_the_key_that_signs_and_one_that_is_none_cannot_be_retired(
    database_url: str, tmp_path: Path, key_id: int, status: int
) -> None:
    async with running(database_url, tmp_path) as badging:
        with pytest.raises(Problem) as refused:
            await keys_of(badging).retire(key_id)
        assert refused.value.status == status


async def test_a_file_left_by_a_killed_start_is_taken(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        # Killed between the file and the row: the file of key 2 is there, the row is not.
        left = (tmp_path / "keys" / "badge-1.pem").read_bytes()
        (tmp_path / "keys" / "badge-2.pem").write_bytes(left)
        assert await keys_of(badging).rotate() == 2
        assert verified_key(await badging.issue(), await published(badging)) == 2


@pytest.mark.parametrize("harm", ["missing", "damaged", "another's"])
async def test_who_cannot_sign_says_so_at_the_start(
    database_url: str, tmp_path: Path, harm: str
) -> None:
    async with running(database_url, tmp_path) as badging:
        keys = keys_of(badging)
        await keys.rotate()
        file = tmp_path / "keys" / "badge-2.pem"
        match harm:
            case "missing":
                file.unlink()
            case "damaged":
                file.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
            case "another's":
                file.write_bytes((tmp_path / "keys" / "badge-1.pem").read_bytes())
        with pytest.raises(SigningKeyUnusable, match=r"badge-2\.pem"):
            await keys.make_first()


async def test_an_operator_rotates_and_retires(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        organiser = badging.staff(Role.organiser)

        async def act(method: str, path: str) -> list[tuple[Any, ...]]:
            answer = await badging.http.request(
                method, f"/badging/api/keys/{path}", headers=organiser
            )
            assert answer.status_code in (200, 201), answer.text
            return [
                (key["id"], key["signs"], key["retired_at"] is not None, key["valid_badges"])
                for key in answer.json()["items"]
            ]

        await badging.issue()
        assert await act("GET", "history") == [(1, True, False, 1)]
        refused = await badging.http.post("/badging/api/keys/1/retire", headers=organiser)
        assert refused.status_code == 409
        assert await act("POST", "rotate") == [(1, False, False, 1), (2, True, False, 0)]
        assert verified_key(await badging.issue(), await published(badging)) == 2
        assert await act("POST", "1/retire") == [(1, False, True, 1), (2, True, False, 1)]
        assert set(await published(badging)) == {2}
        unknown = await badging.http.post("/badging/api/keys/77/retire", headers=organiser)
        assert unknown.status_code == 404


async def test_only_an_organiser_rotates(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        for headers, status in (({}, 401), (badging.desk, 403)):
            for method, path in (("GET", "history"), ("POST", "rotate"), ("POST", "1/retire")):
                answer = await badging.http.request(
                    method, f"/badging/api/keys/{path}", headers=headers
                )
                assert answer.status_code == status
        assert set(await published(badging)) == {1}
