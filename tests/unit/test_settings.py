"""Settings: a wrong one stops the start with one sentence that names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shared import platform
from shared.settings import Settings, WrongSetting, load

pytestmark = pytest.mark.usefixtures("_nothing_set")


@pytest.fixture
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from the caller's shell, and no .env of the checkout."""
    for name in [name for name in os.environ if name.startswith("FORUMPASS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_on_one_machine_nothing_need_be_set() -> None:
    settings = load(Settings)
    assert settings.public_origin == "http://127.0.0.1:8000"
    assert settings.database_url is settings.bus_url is settings.smtp_url is settings.clock is None
    assert settings.secret_path == settings.home / "secret"
    assert settings.forum.is_file()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("CLOCK", "noon"),
        ("CLOCK", "2017-06-12T08:00:00"),
        ("ORIGIN", "forum.example.org"),
        ("ORIGIN", "https://"),
        ("ORIGIN", "https://forum.example.org/pass"),
        ("ORIGIN", "https://forum.example.org?x=1"),
        ("ORIGIN", "https://forum.example.org:https"),
        ("DATABASE_URL", "mysql://db/forum"),
        ("DATABASE_URL", "postgresql://db:five/forum"),
        ("BUS_URL", "http://broker"),
        ("BUS_URL", "amqp://"),
        ("BUS_URL", "amqp://broker:five"),
        ("SMTP_URL", "mail.example.org"),
        ("SMTP_URL", "smtp://:25"),
        ("SMTP_URL", "smtp://[::1"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FORUMPASS_{name}", value)
    with pytest.raises(WrongSetting) as refused:
        load(Settings)
    sentence = str(refused.value)
    assert sentence.startswith(f"FORUMPASS_{name}={value!r}: ")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://forum:hunter2@db/forum"),
        ("BUS_URL", "amqp://forum:hunter2@broker:five"),
        ("BUS_URL", "http://forum:hunter@2@broker"),
        ("SMTP_URL", "smtp://forum:hunter2/x@mail"),
        ("DATABASE_URL", "postgresql://forum:hunter2#x@db/forum"),
    ],
)
def test_no_password_is_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FORUMPASS_{name}", value)
    with pytest.raises(WrongSetting) as refused:
        load(Settings)
    assert "hunter" not in str(refused.value)
    assert str(refused.value).startswith(f"FORUMPASS_{name}=")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://forum:p%40ss@db:5432"),
        ("DATABASE_URL", "postgres:///forum?host=/run/postgresql"),
        ("BUS_URL", "amqps://forum:secret@broker/forum?heartbeat=5"),
        ("SMTP_URL", "smtp://mail.example.org"),
        ("SMTP_URL", "smtps://forum:secret@[2001:db8::25]:465"),
        ("ORIGIN", "https://forum.example.org:8443"),
    ],
)
def test_an_address_that_can_be_used_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FORUMPASS_{name}", value)
    assert getattr(load(Settings), name.lower()) == value


def test_the_origin_ends_before_its_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORUMPASS_ORIGIN", "https://forum.example.org/")
    assert load(Settings).public_origin == "https://forum.example.org"


def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "BUS_URL", "CLOCK", "PORT", "ORIGIN"):
        monkeypatch.setenv(f"FORUMPASS_{name}", "")
    assert load(Settings) == Settings.model_construct(**load(Settings).model_dump())
    assert load(Settings).port == 8000
    assert load(Settings).bus_url is None


def test_a_file_dot_env_sets_what_the_environment_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text(
        "FORUMPASS_PORT=9000\nFORUMPASS_LOG_LEVEL=debug\nPOSTGRES_PASSWORD=of another\n"
    )
    monkeypatch.setenv("FORUMPASS_PORT", "9001")
    settings = load(Settings)
    assert (settings.port, settings.log_level) == (9001, "debug")


def test_a_wrong_value_in_dot_env_is_named_too() -> None:
    Path(".env").write_text("FORUMPASS_PORT=eighty\n")
    with pytest.raises(WrongSetting, match=r"^FORUMPASS_PORT='eighty': "):
        load(Settings)


def test_without_a_database_no_service_process_starts(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="FORUMPASS_DATABASE_URL"):
        platform.build(load(Settings, home=tmp_path))


def test_a_forum_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = load(Settings, home=tmp_path, forum=tmp_path / "none.toml")
    with pytest.raises(WrongSetting, match=r"^FORUMPASS_FORUM: .*none\.toml"):
        platform.build(settings, "postgresql://db")


@pytest.mark.parametrize("secret", [b"", b"\n", b"swordfish"])
def test_a_secret_that_can_be_guessed_is_refused(tmp_path: Path, secret: bytes) -> None:
    (tmp_path / "secret").write_bytes(secret)
    with pytest.raises(WrongSetting, match=r"^FORUMPASS_SECRET_FILE: .*at least 16 bytes"):
        platform.build(load(Settings, home=tmp_path), "postgresql://db")


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(WrongSetting, match=r"^FORUMPASS_SECRET_FILE: "):
        platform.build(load(Settings, home=tmp_path), "postgresql://db")
