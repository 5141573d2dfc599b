"""What the person who started Forum Pass needs to know, on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from services.registration.staff import sign_in_link
from shared.access import Keyring, Role

Line = tuple[str, str]
"""What it is, and where."""


def addresses(keyring: Keyring, origin: str, mail: Line) -> list[Line]:
    """The four faces, and a way in for the organiser that works once."""
    return [
        ("Register", f"{origin}/registration/"),
        ("Gate app", f"{origin}/checkin/gate/"),
        ("Live page", f"{origin}/checkin/live"),
        mail,
        ("Sign in as organiser", sign_in_link(keyring, origin, Role.organiser, "organiser")),
    ]


def announce(console: Console, lines: Iterable[Line]) -> None:
    """Print lines whole, however narrow the terminal: a link that is cut opens nothing."""
    console.print()
    console.rule("Forum Pass is ready", align="left")
    for label, value in lines:
        console.print(Text.assemble((f"{label:<22}", "bold"), value), soft_wrap=True)
    console.rule("Ctrl-C stops it", align="left")
