"""The files of a deployment agree with one another and with the code.

Nothing here needs Docker: a word that is wrong in one of these files would show only where the
containers are started.
"""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic_settings import BaseSettings
from ruamel.yaml import YAML

from deploy.healthcheck import SERVICES
from services.badging.settings import BadgingSettings
from services.checkin.settings import CheckinSettings
from services.notifications.settings import NotificationsSettings
from services.registration.settings import RegistrationSettings
from shared.clock import read_clock
from shared.service import KEEP_ALIVE_SECONDS
from shared.settings import REPOSITORY, Settings, load
from shared.wallets import WalletSettings

COMPOSE_FILE: Final = REPOSITORY / "docker-compose.yml"
COMPOSE: Final[dict[str, Any]] = YAML(typ="safe").load(COMPOSE_FILE)
CONTAINERS: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = {name: what for name, what in CONTAINERS.items() if "build" in what}
DOCKERFILE: Final = (REPOSITORY / "deploy" / "Dockerfile").read_text()
CADDYFILE: Final = (REPOSITORY / "deploy" / "Caddyfile").read_text()
EXAMPLE: Final = REPOSITORY / ".env.example"
SETTINGS: Final[dict[str, type[BaseSettings]]] = {
    "registration": RegistrationSettings,
    "badging": BadgingSettings,
    "checkin": CheckinSettings,
    "notifications": NotificationsSettings,
}


def test_it_is_a_compose_file() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, COMPOSE_FILE],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


# --- our services ---------------------------------------------------------------------------------


def test_every_service_has_its_container_and_nothing_else_is_built() -> None:
    folders = {path.parent.name for path in (REPOSITORY / "services").glob("*/app.py")}
    assert set(OURS) == folders == set(SETTINGS)


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_the_service_it_is_named_after(name: str) -> None:
    assert OURS[name]["command"] == ["python", "-m", f"services.{name}"]
    assert find_spec(f"services.{name}.__main__")


def test_every_service_is_asked_for_its_health_where_it_listens() -> None:
    [command] = re.findall(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])", DOCKERFILE)
    assert json.loads(command) == ["python", "-m", "deploy.healthcheck"]
    assert find_spec("deploy.healthcheck")
    assert {name: usual_port(name) for name in SETTINGS} == SERVICES
    for name, container in OURS.items():
        assert "healthcheck" not in container, f"{name} has another health check than the image's"


@pytest.mark.parametrize("name", OURS)
def test_a_container_is_given_no_setting_that_does_not_exist(name: str) -> None:
    kinds = (Settings, WalletSettings, SETTINGS[name])
    assert set(OURS[name]["environment"]) <= {setting for kind in kinds for setting in names(kind)}


@pytest.mark.parametrize("name", OURS)
def test_a_container_can_change_its_state_and_nothing_else(name: str) -> None:
    container = OURS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "FORUMPASS_HOME=/var/lib/forumpass" in DOCKERFILE
    assert "secret:/var/lib/forumpass" in container["volumes"]


def test_only_badging_sees_the_keys_that_sign_badges() -> None:
    holders = {name for name, what in CONTAINERS.items() if "keys" in volumes_of(what)}
    assert holders == {"badging"}
    assert "keys:/var/lib/forumpass/keys" in OURS["badging"]["volumes"]


def test_mails_get_their_badges_from_badging_itself() -> None:
    url = OURS["notifications"]["environment"]["FORUMPASS_NOTIFICATIONS_BADGING_URL"]
    assert url == f"http://badging:{usual_port('badging')}"


# --- how containers stand together ----------------------------------------------------------------


def test_a_container_that_fails_keeps_no_other_from_starting() -> None:
    for container in CONTAINERS.values():
        # A list is an order; a mapping could make conditions.
        assert isinstance(container.get("depends_on", []), list)
    assert set(CONTAINERS["caddy"]["depends_on"]) == set(OURS)


def test_what_holds_the_databases_and_the_queues_is_asked_for_its_health() -> None:
    for name in OURS["registration"]["depends_on"]:
        assert "healthcheck" in CONTAINERS[name], name


@pytest.mark.parametrize("kind", ["volumes", "networks", "configs"])
def test_what_containers_use_is_declared_and_what_is_declared_is_used(kind: str) -> None:
    used = {
        "volumes": {name for what in CONTAINERS.values() for name in volumes_of(what)},
        "networks": {name for what in CONTAINERS.values() for name in what["networks"]},
        "configs": {each["source"] for what in OURS.values() for each in what["configs"]},
    }
    assert used[kind] == set(COMPOSE[kind])


def test_files_of_the_checkout_that_containers_read_are_there() -> None:
    given = [volume for what in CONTAINERS.values() for volume in what.get("volumes", ())]
    files = [volume.split(":")[0] for volume in given if volume.startswith(".")]
    files += [default(config["file"]) for config in COMPOSE["configs"].values()]
    assert files
    for file in files:
        assert (REPOSITORY / file).is_file(), file


def test_another_forum_takes_the_place_of_the_one_in_the_image() -> None:
    [config] = {tuple(each.items()) for what in OURS.values() for each in what["configs"]}
    forum = Settings.model_fields["forum"].default
    assert dict(config)["target"] == f"/app/{forum.relative_to(REPOSITORY)}"
    assert "WORKDIR /app\n" in DOCKERFILE


def test_the_world_reaches_caddy_and_only_this_host_the_mailbox() -> None:
    open_to_the_world = {
        name
        for name, what in CONTAINERS.items()
        if any(not port.startswith("127.0.0.1:") for port in what.get("ports", ()))
    }
    assert open_to_the_world == {"caddy"}
    assert {name for name, what in CONTAINERS.items() if "ports" in what} == {"caddy", "mailpit"}


def test_who_needs_no_way_out_has_none() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    with_a_way_out = {name for name, what in CONTAINERS.items() if what["networks"] != ["inside"]}
    assert with_a_way_out == {"notifications", "caddy", "mailpit"}


def test_caddy_finds_every_service_where_it_listens() -> None:
    routes = re.findall(
        r"handle /(\w+)/\* \{\s+"
        r"import service \{\$FORUMPASS_(\w+)_HOST:(\w+)\} \{\$FORUMPASS_(\w+)_PORT:(\d+)\}",
        CADDYFILE,
    )
    assert {route[0]: int(route[4]) for route in routes} == SERVICES
    for prefix, host_setting, host, port_setting, _ in routes:
        assert prefix == host == host_setting.lower() == port_setting.lower()


def test_caddy_closes_a_line_that_idles_before_the_service_does() -> None:
    [seconds] = re.findall(r"keepalive (\d+)s", CADDYFILE)
    assert int(seconds) < KEEP_ALIVE_SECONDS


def test_caddy_is_given_nothing_that_the_caddyfile_does_not_read() -> None:
    assert set(CONTAINERS["caddy"]["environment"]) <= set(re.findall(r"\{\$(\w+)", CADDYFILE))


def test_databases_are_made_as_on_one_machine() -> None:
    locale = r"--(?:encoding|(?:[a-z]+-)?locale(?:-[a-z]+)?)=[\w.-]+"
    one_machine = (REPOSITORY / "deploy" / "private_servers.py").read_text()
    arguments = CONTAINERS["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]
    assert arguments.split() == re.findall(locale, one_machine)


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - set(OURS)))
def test_an_image_is_of_a_known_version_and_can_be_another(name: str) -> None:
    image = CONTAINERS[name]["image"]
    assert image.startswith(f"${{{name.upper()}_IMAGE:-")
    assert re.fullmatch(r"[\w./-]+:v?\d+[\w.-]*", default(image))


def test_our_image_stands_on_the_same_python_with_and_without_compose() -> None:
    [plain] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert {default(what["build"]["args"]["PYTHON_IMAGE"]) for what in OURS.values()} == {plain}
    assert re.fullmatch(r"python:3\.\d+-[\w-]+", plain)


def test_the_image_gets_all_that_it_is_built_from() -> None:
    sent = set(re.findall(r"^!(\S+)$", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE))
    copied = {
        path.split("/")[0]
        for paths in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for path in paths.split()
    }
    assert copied == sent
    for path in sent:
        assert (REPOSITORY / path).exists(), path


# --- .env -----------------------------------------------------------------------------------------


def test_the_example_names_every_variable_of_the_compose_file() -> None:
    assert set(re.findall(r"\$\{(\w+)", COMPOSE_FILE.read_text())) <= set(example())


def test_the_example_names_nothing_that_nobody_reads() -> None:
    read = set(re.findall(r"\$\{(\w+)", COMPOSE_FILE.read_text())) | set(names(Settings))
    assert set(example()) <= read


def test_the_example_shows_the_ports_and_images_that_are_used_without_it() -> None:
    used = dict(re.findall(r"\$\{(\w+_(?:PORT|IMAGE)):-([^}]+)\}", COMPOSE_FILE.read_text()))
    used["FORUMPASS_PORT"] = str(Settings.model_fields["port"].default)
    shown = {name: value for name, value in example().items() if name.endswith(("PORT", "IMAGE"))}
    assert shown == used


def test_every_value_of_the_example_can_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in names(Settings):
        monkeypatch.delenv(name, raising=False)
    env = tmp_path / ".env"
    env.write_text("".join(f"{name}={value}\n" for name, value in example().items()))
    assert load(Settings, _env_file=env).clock == example()["FORUMPASS_CLOCK"]


def test_make_env_fills_in_what_is_random_and_never_again(tmp_path: Path) -> None:
    for file in (REPOSITORY / "Makefile", EXAMPLE):
        shutil.copy(file, tmp_path)
    make(tmp_path)
    env = tmp_path / ".env"
    made = env.read_text()
    passwords = re.findall(r"^\w+_PASSWORD=([0-9a-f]{32})$", made, re.MULTILINE)
    assert len(passwords) == len(set(passwords)) == 2
    [clock] = re.findall(r"^FORUMPASS_CLOCK=(.*)$", made, re.MULTILINE)
    assert clock.startswith(f"{example()['FORUMPASS_CLOCK']}@")
    assert read_clock(clock).rehearsal
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    make(tmp_path)
    assert env.read_text() == made


# --- helpers --------------------------------------------------------------------------------------


def usual_port(service: str) -> int:
    port: int = SETTINGS[service].model_fields["port"].default
    return port


def names(kind: type[BaseSettings]) -> Iterator[str]:
    """The variables that settings of this kind are read from."""
    prefix = str(kind.model_config.get("env_prefix"))
    return (f"{prefix}{field}".upper() for field in kind.model_fields)


def default(text: str) -> str:
    """What stands for a variable that is not set."""
    [value] = re.findall(r"\$\{\w+:-([^}]+)\}", text)
    found: str = value
    return found


def volumes_of(container: dict[str, Any]) -> set[str]:
    """The names of the volumes, without the files of the checkout."""
    named = {volume.split(":")[0] for volume in container.get("volumes", ())}
    return {name for name in named if not name.startswith(".")}


def example() -> dict[str, str]:
    """Every variable that .env.example shows, in force or as a comment."""
    return dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def make(folder: Path) -> None:
    subprocess.run(["make", "--quiet", ".env"], cwd=folder, check=True, capture_output=True)
