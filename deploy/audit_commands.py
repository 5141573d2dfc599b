"""`forumpass audit verify`: that what staff did stands there as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from pydantic import TypeAdapter
from rich.console import Console

from deploy.operators import SERVICES, Operator, operator
from shared.audit_chain import Broken, End, Link, cuts, follow
from shared.settings import Settings, load

KNOWN: Final = "audit-ends.json"
"""In FORUMPASS_HOME: where the chains ended when they were looked at last."""

console = Console(highlight=False, soft_wrap=True)
audit = typer.Typer(no_args_is_help=True)
_LINKS: Final = TypeAdapter(list[Link])


@dataclass(frozen=True)
class Chain:
    """One service's, whole."""

    begins_after: End
    ends: End
    links: list[Link]


@audit.callback()
def about() -> None:
    """What staff did, in a chain that nobody changes unseen."""


@audit.command()
def verify() -> None:
    """Prove the audit logs of all services unbroken, also against where they ended last time."""
    settings = load(Settings)
    known_file = settings.home / KNOWN
    known = _known(known_file)
    broken = False
    with operator(settings) as one:
        for service in SERVICES:
            try:
                end = check(chain_of(one, service), known.get(service))
            except Broken as error:
                broken = True
                console.print(f"{service}: BROKEN: {error}", markup=False)
            else:
                known[service] = end
                console.print(
                    f"{service}: unbroken, {end.seq} entries, ends with {end.hash or '-'}",
                    markup=False,
                )
    known_file.parent.mkdir(parents=True, exist_ok=True)
    known_file.write_text(json.dumps({name: vars(end) for name, end in known.items()}, indent=1))
    if broken:
        raise typer.Exit(1)


def check(chain: Chain, known: End | None) -> End:
    """Go along a chain; answers where it ends.

    Args:
        chain: as the service gives it.
        known: where it ended when somebody looked last.

    Raises:
        Broken: an entry was changed or taken away.
    """
    if chain.begins_after.seq and cuts(chain.links).get(chain.begins_after.seq) != (
        chain.begins_after.hash
    ):
        raise Broken(chain.begins_after.seq, "and those before it were taken away")
    end = follow(chain.links, chain.begins_after)
    if end.seq < chain.ends.seq:
        raise Broken(end.seq + 1, "is missing")
    if end.seq == chain.ends.seq and end.hash != chain.ends.hash:
        raise Broken(end.seq, "is not what was written last")
    if known is not None and known.seq > chain.begins_after.seq:
        if end.seq < known.seq:
            raise Broken(end.seq + 1, "was there when this was verified last")
        if chain.links[known.seq - chain.begins_after.seq - 1].hash != known.hash:
            raise Broken(known.seq, "was another when this was verified last")
    return end


def chain_of(one: Operator, service: str) -> Chain:
    first = one.audit_chain(service, after=0)
    links = list(_pages(one, service, first["items"]))
    return Chain(End(**first["begins_after"]), End(**first["ends"]), links)


def _pages(one: Operator, service: str, items: list[object]) -> Iterator[Link]:
    while items:
        links = _LINKS.validate_python(items)
        yield from links
        items = one.audit_chain(service, after=links[-1].seq)["items"]


def _known(file: Path) -> dict[str, End]:
    if not file.exists():
        return {}
    return {name: End(**end) for name, end in json.loads(file.read_text()).items()}
