"""What registrants agreed to stays known, whatever forum.toml says today."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from services.registration.tables import consent_texts
from shared import forum
from shared.forum import LANGUAGES
from shared.settings import REPOSITORY
from tests.registration import Registering, running
from tests.system import OneMachine, forumpass

FILE: Final = REPOSITORY / "deploy" / "forum.toml"


def forum_with_consent(folder: Path, version: str, *, english: str) -> Path:
    """The forum's file with another consent."""
    head, block, rest = re.split(r"(?ms)^(\[consent\]\n.*?)(?=^\[)", FILE.read_text(), maxsplit=1)
    block = re.sub(r"(?m)^version = .*$", f'version = "{version}"', block)
    block = re.sub(r"(?m)^text\.en = .*$", f'text.en = "{english}"', block)
    path = folder / "forum.toml"
    path.write_text(head + block + rest)
    return path


async def test_a_registration_keeps_which_text_was_agreed_to(
    database_url: str, tmp_path: Path
) -> None:
    first = forum_with_consent(tmp_path, "1", english="Use my data.")
    async with running(database_url, tmp_path, forum=first) as registering:
        early = await registering.submitted(language="fr", consent_language="en")
        assert await _agreed(registering, early) == ("1", "en")
    second = forum_with_consent(tmp_path, "2", english="Use my data kindly.")
    async with running(database_url, tmp_path, forum=second) as registering:
        late = await registering.submitted(email="late@example.org", language="fr")
        assert await _agreed(registering, early) == ("1", "en")
        assert await _agreed(registering, late) == ("2", "fr")
        # To the person themself too: it is part of what is known of them.
        for whose, version in ((early, "1"), (late, "2")):
            answer = await registering.http.get(
                f"/registration/api/registrations/{whose}/personal-data",
                headers=registering.registrant(whose),
            )
            assert answer.json()["registration"]["consent_version"] == version
        texts = await _texts(registering)
    assert (texts["1"]["en"], texts["2"]["en"]) == ("Use my data.", "Use my data kindly.")
    assert all(set(text) == set(LANGUAGES) for text in texts.values())


def test_another_text_under_the_same_version_stops_the_start_with_one_sentence(
    tmp_path: Path,
) -> None:
    (tmp_path / "changed").mkdir()
    system = OneMachine(tmp_path)
    system.start()
    system.stop()
    version = forum.load(FILE).consent.version
    changed = forum_with_consent(tmp_path / "changed", version, english="Sell my data.")
    other = OneMachine(tmp_path, FORUMPASS_FORUM=str(changed))
    done = forumpass(other.environment, tmp_path, "up")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"registration cannot start: FORUMPASS_FORUM: the text of consent.version {version} is not"
        " the one that people agreed to; give the new text a new version"
    )
    forum_with_consent(tmp_path / "changed", "another", english="Sell my data.")
    other.start()
    other.stop()


async def _agreed(registering: Registering, registration_id: str) -> tuple[str, str]:
    shown = await registering.show(registration_id)
    return shown["consent_version"], shown["consent_language"]


async def _texts(registering: Registering) -> dict[str, Any]:
    async with registering.service.database.read() as connection:
        query = select(consent_texts.c.version, consent_texts.c.texts)
        return {row.version: row.texts for row in await connection.execute(query)}
