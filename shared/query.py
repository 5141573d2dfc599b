"""What a call may ask for in its query: the parameters that its documentation names, and no others.

Whoever writes `dryrun=true` for `dry_run=true` is told so, and not answered as if it meant nothing.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute

from shared.problems import FieldError, invalid_input

EVERYWHERE: Final = frozenset({"token", "lang"})
"""A registrant's own link (shared/access.py) and the language of an answer (shared/pages.py)."""


async def refuse_unknown(request: Request) -> None:
    """A dependency of all routes; pages ignore what they don't know: links gather all sorts.

    Raises:
        Problem: 422, names what an API does not know.
    """
    if not request.url.query or "/api/" not in request.url.path:
        return
    refuse_all_but(request, _known(request.scope["route"]))


def refuse_all_but(request: Request, known: Set[str] = frozenset()) -> None:
    """For a route that is served past FastAPI, too, whose dependencies do not run.

    Raises:
        Problem: 422, names what is asked for and not known.
    """
    if not request.scope["query_string"]:
        return
    unknown = request.query_params.keys() - known - EVERYWHERE
    if unknown:
        raise invalid_input(
            [FieldError(name, "is not known here", "extra_forbidden") for name in sorted(unknown)]
        )


def _known(route: APIRoute) -> set[str]:
    # A field of a query's model does not say where it stands.
    return {
        field.alias
        for field in get_flat_params(route.dependant)
        if getattr(field.field_info, "in_", ParamTypes.query) == ParamTypes.query
    }
