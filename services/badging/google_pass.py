"""A badge for Google Wallet: a link that holds the pass, signed with the service account's key.

Nothing is sent to Google from here: whoever follows the link has Google make the pass. As with
Apple's, a badge that was reissued has to be added anew.
Source: https://developers.google.com/wallet/tickets/events
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.badging.wallet_words import PassWords
from shared.settings import WrongSetting
from shared.wallets import WalletSettings

SAVE: Final = "https://pay.google.com/gp/v/save/"


@dataclass(frozen=True)
class GooglePasses:
    """Makes links that add a badge to somebody's wallet."""

    issuer: str
    """The issuer's id, of digits."""
    account: str
    """The service account's address."""
    key: RSAPrivateKey

    def link(self, words: PassWords, now: datetime) -> str:
        """The address that asks whether to add the badge.

        Args:
            now: in wall time: Google does not live in a rehearsal.
        """
        claims = {
            "iss": self.account,
            "aud": "google",
            "typ": "savetowallet",
            "iat": int(now.timestamp()),
            "payload": {
                "eventTicketClasses": [self._class(words)],
                "eventTicketObjects": [self._object(words)],
            },
        }
        # As bytes of ours: the library would write six characters for each that is not ASCII, and
        # addresses beyond some two thousand are cut on the way. So it holds no more than it must.
        return SAVE + jwt.PyJWS().encode(orjson.dumps(claims), self.key, algorithm="RS256")

    def _class(self, words: PassWords) -> dict[str, Any]:
        """What all badges in a language have in common; Google makes it with the first of them."""
        return {
            "id": self._class_id(words),
            "issuerName": words.forum_name,
            "reviewStatus": "UNDER_REVIEW",
            "eventName": _localized(words.language, words.forum_name),
        }

    def _object(self, words: PassWords) -> dict[str, Any]:
        venue = words.forum.venue.name.in_language(words.language)
        category = words.category.name.in_language(words.language)
        return {
            "id": f"{self.issuer}.{words.badge_id}",
            "classId": self._class_id(words),
            "state": "ACTIVE",
            "ticketHolderName": words.name.value,
            "ticketNumber": words.number,
            "hexBackgroundColor": words.category.color,
            "barcode": {"type": "QR_CODE", "value": words.credential},
            "validTimeInterval": {"end": {"date": words.ends.isoformat()}},
            "textModulesData": [{"header": venue, "body": f"{words.days.value}\n{category}"}],
        }

    def _class_id(self, words: PassWords) -> str:
        return f"{self.issuer}.{words.forum.id}-{words.language}"


def open_google_passes(settings: WalletSettings) -> GooglePasses | None:
    """What makes the links; None when the deployment has no service account for them.

    Raises:
        WrongSetting: the file can't be read, or is another kind of file.
    """
    if not (settings.google_key and settings.google_issuer):
        return None
    try:
        account = json.loads(settings.google_key.read_bytes())
        key = load_pem_private_key(account["private_key"].encode(), None)
        address = str(account["client_email"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"is not the JSON of a service account ({type(error).__name__})"
        path = str(settings.google_key)
        raise WrongSetting(f"FORUMPASS_WALLET_GOOGLE_KEY={path!r}: {reason}") from None
    if not isinstance(key, RSAPrivateKey):
        raise WrongSetting("FORUMPASS_WALLET_GOOGLE_KEY: its private key is not of RSA")
    return GooglePasses(settings.google_issuer, address, key)


def _localized(language: str, text: str) -> dict[str, Any]:
    return {"defaultValue": {"language": language, "value": text}}
