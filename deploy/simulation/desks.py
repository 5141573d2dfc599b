"""Something to do for those who work at desks: requests to decide, a delegation, colleagues.

Nobody of these comes to the gates, so that the figures of a rehearsal stay what was planned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from deploy.simulation.people import Invented, invent
from deploy.simulation.system import System
from shared.access import Role
from shared.forum import Category, Forum

REQUESTS: Final = 12
MEMBERS: Final = 6
QUOTA: Final = 25
COLLEAGUES: Final = (
    ("Reviewer", Role.reviewer),
    ("Badge desk", Role.desk),
    ("Security lead", Role.security_lead),
)
"""What they are called, and what they may do."""


async def furnish(system: System, forum: Forum, seed: int, first: int) -> None:
    """Leave requests in review, a delegation with members, and accounts of staff.

    Args:
        system: the one under rehearsal.
        forum: its forum.
        seed: draws who they are.
        first: the number of the first of them; whoever comes to the gates has a lower one.
    """
    people = [invent(forum, seed, first + number) for number in range(REQUESTS + MEMBERS)]
    reviewed = [category for category in forum.categories if category.review]
    if reviewed:
        for number, person in enumerate(people[:REQUESTS]):
            await system.request(_in(reviewed[number % len(reviewed)], person))
    await _send_a_delegation(system, people[REQUESTS:])
    for name, role in COLLEAGUES:
        await system.employ(name, f"rehearsal.{role}@example.org", role)


async def _send_a_delegation(system: System, members: list[Invented]) -> None:
    first = members[0].body
    together = {name: first[name] for name in ("country", "organization", "category")}
    focal_point = {
        "name": "Focal point",
        "email": "rehearsal.focal.point@example.org",
        "language": first["language"],
    }
    await system.send_a_delegation(
        together | {"name": first["organization"], "quota": QUOTA},
        focal_point,
        [dict(member.body) | together for member in members],
    )


def _in(category: Category, person: Invented) -> Invented:
    """The same person, of another category; on all the days that it has."""
    body = {key: value for key, value in person.body.items() if key != "days"}
    return replace(person, body=body | {"category": category.id})
