"""What can be taken away as a file: a statement, and what its columns hold.

PostgreSQL writes the lines and nobody here reads them, so a million of them cost no memory. They
come from one statement, and so from one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, case, cast, func, literal_column, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.copying import Sink, copy_out
from shared.forum import Forum

BEGINS_A_FORMULA: Final = "=+-@\t\r\n＝＋－＠"
"""With these a cell is a formula to a spreadsheet, which may call another
program; wide ones count too.

Source: OWASP, CSV Injection."""


class Kind(StrEnum):
    """What a column holds: a spreadsheet has cells of other kinds than text."""

    text = "text"
    day = "day"
    moment = "moment"
    number = "number"


@dataclass(frozen=True)
class Column:
    name: str
    about: str
    value: ColumnElement[Any]
    kind: Kind = Kind.text
    names_somebody: bool = False
    """Only for roles that may see who it is."""


@dataclass(frozen=True)
class Export:
    """A file's content: a statement, and what its columns hold."""

    title: str
    columns: Sequence[Column]
    rows: Select[Any]

    async def copy(
        self,
        tx: AsyncConnection,
        forum: Forum,
        sink: Sink,
        *,
        defused: bool,
    ) -> int:
        """Hand over the rows as CSV, in pieces; answers how many.

        Args:
            tx: a transaction of its own: it is told the forum's time zone.
            forum: in whose time moments are written.
            sink: takes the pieces; an error of its own ends the connection.
            defused: text that a spreadsheet would take for a formula begins with an apostrophe.
        """
        await tx.execute(
            text("SELECT set_config('TimeZone', :zone, true)"), {"zone": str(forum.timezone)}
        )
        written = [_written(column, defused=defused) for column in self.columns]
        statement = self.rows.with_only_columns(*written, maintain_column_froms=True)
        query = statement.compile(
            dialect=dialect(),  # type: ignore[no-untyped-call]
            compile_kwargs={"render_postcompile": True},
        )
        values = (query.params[name] for name in query.positiontup or ())
        return await copy_out(tx, str(query), *values, to=sink, header=True)


def defused(value: str) -> str:
    """Text that a spreadsheet does not take for a formula, where it is not written by `copy`."""
    return f"'{value}" if value[:1] and value[0] in BEGINS_A_FORMULA else value


def _written(column: Column, *, defused: bool) -> ColumnElement[Any]:
    match column.kind:
        case Kind.moment:
            return func.to_char(column.value, _RFC_3339).label(column.name)
        case Kind.text if defused:
            words = cast(column.value, Text)
            formula = (words != "") & (func.strpos(BEGINS_A_FORMULA, func.left(words, 1)) > 0)
            return case((formula, func.concat("'", words)), else_=words).label(column.name)
        case _:
            return column.value.label(column.name)


# A literal: as a parameter PostgreSQL would not know that it is text.
_RFC_3339: Final[ColumnElement[str]] = literal_column("'YYYY-MM-DD\"T\"HH24:MI:SS.MSTZH:TZM'", Text)


def documentation(columns: Sequence[Column], what: str, names_for: str = "") -> str:
    """What the API's documentation says of a file.

    Args:
        columns: all that the file may have.
        what: a row is.
        names_for: who gets the columns that name somebody, if not everybody.
    """
    note = f" ({names_for} only)" if names_for else ""
    lines = [
        f"| `{each.name}` | {each.kind} | {each.about}{note if each.names_somebody else ''} |"
        for each in columns
    ]
    return "\n".join([what, "", "| column | kind | what |", "|---|---|---|", *lines])
