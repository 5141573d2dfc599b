"""Badges for phone wallets: signed by throw-away certificates, checked as phones check them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from PIL import Image

from services.badging.google_pass import SAVE
from services.badging.wallets_api import open_wallets
from shared import forum as forums
from shared.forum import Language
from shared.settings import Settings, WrongSetting, load
from shared.wallets import WalletSettings
from tests.badging import Badging, running
from tests.people import NOBODY, portrait

PREFIX = "FORUMPASS_WALLET_"
PASS_TYPE, TEAM, ISSUER = "pass.org.example.forum", "A1B2C3D4E5", "3388000000012345678"
ACCOUNT = "wallet@example.iam.gserviceaccount.com"
PASSWORD = "a word"
LONGEST_LINK = 1800
"""Characters; longer addresses are cut in some browsers and mail programs."""


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, key: RSAPrivateKey) -> Path:
    """What Apple and Google would give to a deployment."""
    folder = tmp_path_factory.mktemp("wallet")
    authority_key = generate_private_key(65537, 2048)
    authority_name = _name((NameOID.COMMON_NAME, "Throw-away authority"))
    authority = _certificate(authority_name, authority_key, authority_name, authority_key, ca=True)
    subject = _name(
        (NameOID.USER_ID, PASS_TYPE),
        (NameOID.COMMON_NAME, f"Pass Type ID: {PASS_TYPE}"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, TEAM),
    )
    certificate = _certificate(subject, key, authority_name, authority_key)
    secret = BestAvailableEncryption(PASSWORD.encode())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    account = {"client_email": ACCOUNT, "private_key": private.decode()}
    for name, content in {
        "authority.pem": authority.public_bytes(Encoding.PEM),
        "pass.pem": certificate.public_bytes(Encoding.PEM),
        "key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret),
        "other.pem": authority_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "account.json": json.dumps(account).encode(),
        "nonsense": b"nonsense",
    }.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def both(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _settings(files).items():
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)


def _settings(files: Path) -> dict[str, str]:
    return {
        "apple_certificate": str(files / "pass.pem"),
        "apple_key": str(files / "key.pem"),
        "apple_key_password": PASSWORD,
        "apple_authority": str(files / "authority.pem"),
        "google_key": str(files / "account.json"),
        "google_issuer": ISSUER,
    }


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(part, value) for part, value in parts])


def _certificate(
    subject: x509.Name,
    key: RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: RSAPrivateKey,
    *,
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer_key, SHA256())
    )


async def link_of(badging: Badging, badge: dict[str, Any], suffix: str) -> str:
    """Where the mail's link leads."""
    [issued] = await badging.said(UUID(badge["registration_id"]))
    link: str = issued.files_link
    return link.replace("{suffix}", suffix)


# --- Apple ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both")
async def test_the_pass_is_signed_as_a_phone_checks_it(
    database_url: str, tmp_path: Path, files: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        badge = await badging.issue(family_name="ابن الهيثم", language="ar", country="IQ")
        answer = await badging.http.get(await link_of(badging, badge, ".pkpass"))
    assert answer.headers["Content-Type"] == "application/vnd.apple.pkpass"
    with ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        content = {name: archive.read(name) for name in archive.namelist()}
    signature, manifest = content.pop("signature"), content["manifest.json"]
    listed = json.loads(content.pop("manifest.json"))
    assert listed == {
        name: hashlib.sha1(data, usedforsecurity=False).hexdigest()
        for name, data in content.items()
    }
    assert _verified(tmp_path, manifest, signature, files / "authority.pem")
    assert not _verified(tmp_path, manifest + b" ", signature, files / "authority.pem")


def _verified(folder: Path, manifest: bytes, signature: bytes, authority: Path) -> bool:
    """Whether OpenSSL finds the signature to be of these bytes, by somebody of the authority's."""
    (folder / "manifest").write_bytes(manifest)
    (folder / "signature").write_bytes(signature)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature"]
    command += ["-content", "manifest", "-CAfile", str(authority), "-purpose", "any"]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0


@pytest.mark.usefixtures("both")
async def test_the_pass_holds_the_badges_credential_name_days_and_colours(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        badge = await badging.issue(
            given_name="Zoë", family_name="Œuvre", language="fr", days=(0, 2), photo=portrait()
        )
        answer = await badging.http.get(await link_of(badging, badge, ".pkpass"))
    with ZipFile(BytesIO(answer.content)) as archive:
        made = json.loads(archive.read("pass.json"))
        pictures = {
            name: Image.open(BytesIO(archive.read(name))).size
            for name in archive.namelist()
            if name.endswith(".png")
        }
    assert (made["passTypeIdentifier"], made["teamIdentifier"]) == (PASS_TYPE, TEAM)
    assert made["serialNumber"] == badge["id"]
    [code] = made["barcodes"]
    assert (code["format"], code["message"]) == ("PKBarcodeFormatQR", badge["credential"])
    assert code["altText"] == badge["number"]
    ticket = made["eventTicket"]
    assert [field["value"] for field in ticket["primaryFields"]] == ["Zoë Œuvre"]
    assert "Secteur privé" in [field["value"] for field in ticket["secondaryFields"]]
    assert ticket["headerFields"][0]["value"] == "lun. 12 juin et mer. 14 juin"
    assert made["backgroundColor"] == "rgb(230, 159, 0)"
    assert made["foregroundColor"] == "rgb(0, 0, 0)"
    assert made["relevantDate"] == "2017-06-12T07:30:00+02:00"
    assert made["expirationDate"] == "2017-06-14T20:00:00+02:00"
    assert any("Place des Nations" in field["value"] for field in ticket["backFields"])
    assert pictures["icon.png"] == (29, 29)
    assert pictures["icon@2x.png"] == (58, 58)
    assert pictures["thumbnail@3x.png"] == (204, 270)


# --- Google ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("language", forums.LANGUAGES)
async def test_the_link_to_google_holds_the_badge_and_is_signed(
    database_url: str, tmp_path: Path, key: RSAPrivateKey, language: Language
) -> None:
    async with running(database_url, tmp_path) as badging:
        badge = await badging.issue(family_name="ابن الهيثم", language=language)
        answer = await badging.http.get(await link_of(badging, badge, ".google-wallet"))
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert address.startswith(SAVE)
    assert len(address) <= LONGEST_LINK
    token = address.removeprefix(SAVE)
    claims = jwt.decode(token, key.public_key(), ["RS256"], audience="google")
    assert (claims["iss"], claims["typ"]) == (ACCOUNT, "savetowallet")
    [ticket] = claims["payload"]["eventTicketObjects"]
    [event] = claims["payload"]["eventTicketClasses"]
    assert ticket["barcode"]["value"] == badge["credential"]
    assert ticket["ticketHolderName"] == "Grace ابن الهيثم"
    assert ticket["id"] == f"{ISSUER}.{badge['id']}"
    assert ticket["classId"] == event["id"]
    assert ticket["textModulesData"][0]["header"] == badging.forum.venue.name.in_language(language)
    assert event["eventName"]["defaultValue"]["language"] == language
    header, payload, signature = token.split(".")
    forged = f"{header}.{payload[:-2]}AA.{signature}"
    assert urlsafe_b64decode(signature + "==")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged, key.public_key(), ["RS256"], audience="google")


# --- who gets one ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("suffix", [".pkpass", ".google-wallet"])
async def test_only_its_holder_and_the_desk_get_a_pass_and_only_while_it_is_valid(
    database_url: str, tmp_path: Path, suffix: str
) -> None:
    good = 200 if suffix == ".pkpass" else 303
    async with running(database_url, tmp_path) as badging:
        badge = await badging.issue()
        path = f"/badging/api/badges/{badge['id']}{suffix}"
        own = badging.keyring.registrant_token(UUID(badge["registration_id"]))
        assert (await badging.http.get(path)).status_code == 401
        assert (await badging.http.get(path, params={"link": "forged"})).status_code == 401
        other = {"token": badging.keyring.registrant_token(NOBODY)}
        assert (await badging.http.get(path, params=other)).status_code == 403
        assert (await badging.http.get(path, params={"token": own})).status_code == good
        assert (await badging.http.get(path, headers=badging.desk)).status_code == good
        mine = f"/badging/me{suffix}"
        assert (await badging.http.get(mine)).status_code == 401
        assert (await badging.http.get(mine, params={"token": own})).status_code == good
        await badging.post(badge["id"], "revoke", reason="Lost")
        assert (await badging.http.get(mine, params={"token": own})).status_code == 410
        assert (await badging.http.get(path, headers=badging.desk)).status_code == 410


async def test_without_keys_there_is_no_pass(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        badge = await badging.issue()
        for suffix in (".pkpass", ".google-wallet"):
            path = f"/badging/api/badges/{badge['id']}{suffix}"
            assert (await badging.http.get(path, headers=badging.desk)).status_code == 404


@pytest.mark.parametrize(
    ("name", "file", "says"),
    [
        ("apple_certificate", "nonsense", "FORUMPASS_WALLET_APPLE_CERTIFICATE=.*no certificate"),
        ("apple_certificate", "absent", "FORUMPASS_WALLET_APPLE_CERTIFICATE=.*FileNotFound"),
        ("apple_certificate", "authority.pem", "FORUMPASS_WALLET_APPLE_KEY=.*not the key of"),
        ("apple_key", "other.pem", "FORUMPASS_WALLET_APPLE_KEY="),
        ("apple_key", "nonsense", "FORUMPASS_WALLET_APPLE_KEY="),
        ("apple_authority", "nonsense", "FORUMPASS_WALLET_APPLE_AUTHORITY="),
        ("google_key", "nonsense", "FORUMPASS_WALLET_GOOGLE_KEY=.*not the JSON"),
    ],
)
def test_a_wrong_file_stops_the_start_with_a_sentence_that_names_it(
    files: Path, name: str, file: str, says: str
) -> None:
    given = load(WalletSettings, **_settings(files) | {name: files / file})
    forum = forums.load(Settings.model_fields["forum"].default)
    with pytest.raises(WrongSetting, match=says):
        open_wallets(forum, given)


@pytest.mark.parametrize("name", ["apple_certificate", "apple_key", "apple_authority"])
def test_half_of_a_wallets_settings_is_refused(files: Path, name: str) -> None:
    given = _settings(files)
    del given[name]
    with pytest.raises(WrongSetting, match="go together"):
        load(WalletSettings, **given)


@pytest.mark.parametrize("name", ["google_key", "google_issuer"])
def test_half_of_googles_settings_is_refused_too(files: Path, name: str) -> None:
    given = _settings(files)
    del given[name]
    with pytest.raises(WrongSetting, match="go together") as refused:
        load(WalletSettings, **given)
    assert PASSWORD not in str(refused.value)
