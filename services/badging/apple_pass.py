"""A badge for Apple Wallet: a zip of the pass, its pictures, and a signature over all of them.

The signature is the deployment's own, by the certificate that Apple gives for a pass type: without
one there are no such passes. A pass that is on a phone stays there as it is: Apple's service that
updates passes is not used, so a badge that was reissued has to be added anew.
Source: https://developer.apple.com/documentation/walletpasses
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)
from cryptography.x509.oid import NameOID
from PIL import Image, ImageDraw

from services.badging import colors
from services.badging.photo import crop
from services.badging.wallet_words import Field, PassWords
from shared.settings import WrongSetting
from shared.wallets import WalletSettings

MEDIA_TYPE: Final = "application/vnd.apple.pkpass"
_ICON_POINTS: Final = 29
_THUMBNAIL_POINTS: Final = (68, 90)
_SCALES: Final = {"": 1, "@2x": 2, "@3x": 3}


@dataclass(frozen=True)
class ApplePasses:
    """Makes passes and signs them."""

    certificate: x509.Certificate
    key: RSAPrivateKey
    authority: x509.Certificate
    pass_type: str
    team: str

    def make(self, words: PassWords, photo: bytes | None) -> bytes:
        """A badge as a .pkpass file."""
        files = {"pass.json": orjson.dumps(self._document(words)), **_pictures(words, photo)}
        digests = {
            name: hashlib.sha1(data, usedforsecurity=False).hexdigest()  # as the format wants it
            for name, data in files.items()
        }
        manifest = orjson.dumps(digests)
        files |= {"manifest.json": manifest, "signature": self._sign(manifest)}
        out = BytesIO()
        with ZipFile(out, "w", ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return out.getvalue()

    def _sign(self, manifest: bytes) -> bytes:
        return (
            PKCS7SignatureBuilder()
            .set_data(manifest)
            .add_signer(self.certificate, self.key, SHA256())
            .add_certificate(self.authority)
            .sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
        )

    def _document(self, words: PassWords) -> dict[str, Any]:
        forum = words.forum
        text = _rgb(colors.parse(words.category.text_color))
        return {
            "formatVersion": 1,
            "passTypeIdentifier": self.pass_type,
            "teamIdentifier": self.team,
            "serialNumber": words.badge_id,
            "organizationName": words.forum_name,
            "description": f"{words.forum_name}: {words.number}",
            "logoText": words.forum_name,
            "foregroundColor": text,
            "labelColor": text,
            "backgroundColor": _rgb(colors.parse(words.category.color)),
            "sharingProhibited": True,
            "relevantDate": words.opens.isoformat(),
            "expirationDate": words.ends.isoformat(),
            "locations": [{"latitude": forum.venue.latitude, "longitude": forum.venue.longitude}],
            "barcodes": [
                {
                    "format": "PKBarcodeFormatQR",
                    # Capitals and digits of Base45: phones make of it the badge's own small code.
                    "message": words.credential,
                    "messageEncoding": "iso-8859-1",
                    "altText": words.number,
                }
            ],
            "eventTicket": {
                "headerFields": [_field(words.days)],
                "primaryFields": [_field(words.name)],
                "secondaryFields": [_field(field) for field in words.fields],
                "auxiliaryFields": [],
                "backFields": [
                    {
                        "key": "forum",
                        "label": words.dates,
                        "value": forum.name.in_language(words.language),
                    },
                    *(_field(field) for field in words.details),
                ],
            },
        }


def open_apple_passes(settings: WalletSettings) -> ApplePasses | None:
    """What makes passes; None when the deployment has no certificate for them.

    Raises:
        WrongSetting: a file can't be read, or they don't belong together.
    """
    if not (settings.apple_certificate and settings.apple_key and settings.apple_authority):
        return None
    certificate = _certificate("APPLE_CERTIFICATE", settings.apple_certificate)
    password = settings.apple_key_password
    try:
        key = load_pem_private_key(
            settings.apple_key.read_bytes(),
            password.get_secret_value().encode() if password else None,
        )
    except (OSError, ValueError, TypeError) as error:
        raise _wrong("APPLE_KEY", settings.apple_key, type(error).__name__) from None
    if not isinstance(key, RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise _wrong("APPLE_KEY", settings.apple_key, "is not the key of the certificate")
    return ApplePasses(
        certificate,
        key,
        _certificate("APPLE_AUTHORITY", settings.apple_authority),
        pass_type=_named(certificate, NameOID.USER_ID, settings.apple_certificate),
        team=_named(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME, settings.apple_certificate),
    )


def _certificate(name: str, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _wrong(name, path, f"is no certificate in PEM ({type(error).__name__})") from None


def _named(certificate: x509.Certificate, part: x509.ObjectIdentifier, path: Path) -> str:
    found = certificate.subject.get_attributes_for_oid(part)
    if not found:
        raise _wrong("APPLE_CERTIFICATE", path, "is not one for a pass type")
    return str(found[0].value)


def _wrong(name: str, path: Path, reason: str) -> WrongSetting:
    return WrongSetting(f"FORUMPASS_WALLET_{name}={str(path)!r}: {reason}")


def _field(field: Field) -> dict[str, str]:
    return {"key": field.key, "label": field.label, "value": field.value}


def _rgb(color: colors.Color) -> str:
    return f"rgb({color[0]}, {color[1]}, {color[2]})"


def _pictures(words: PassWords, photo: bytes | None) -> dict[str, bytes]:
    pictures: dict[str, bytes] = {}
    for suffix, scale in _SCALES.items():
        pictures[f"icon{suffix}.png"] = _png(_icon(_ICON_POINTS * scale, words.category.color))
        if photo is not None:
            width, height = (points * scale for points in _THUMBNAIL_POINTS)
            pictures[f"thumbnail{suffix}.png"] = _png(crop(photo, width, height))
    return pictures


def _icon(size: int, color: str) -> Image.Image:
    """The badge in small: a page with its band in the category's colour."""
    large = Image.new("RGB", (size * 4, size * 4), colors.TEXT)
    pen = ImageDraw.Draw(large)
    unit = size * 4 / 29
    pen.rounded_rectangle((7 * unit, 4 * unit, 22 * unit, 25 * unit), unit, colors.PAPER)
    pen.rectangle((10 * unit, 8 * unit, 19 * unit, 17 * unit), colors.TEXT)
    pen.rectangle((7 * unit, 20 * unit, 22 * unit, 24 * unit), color)
    return large.resize((size, size), Image.Resampling.LANCZOS)


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
