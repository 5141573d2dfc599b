"""Files that organisers take away, read back."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
from openpyxl import load_workbook

from shared.access import Role
from tests.checkin import Checkin


async def fetch(
    checkin: Checkin, file: str, role: Role = Role.organiser, **asked: Any
) -> httpx.Response:
    answer = await checkin.http.get(
        f"/checkin/api/{file}", params=asked, headers=checkin.staff(role)
    )
    assert answer.status_code == 200, answer.text
    return answer


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def cells_of(answer: httpx.Response) -> list[dict[str, Any]]:
    [sheet] = load_workbook(io.BytesIO(answer.content)).worksheets
    head, *rows = sheet.iter_rows()
    names = [str(cell.value) for cell in head]
    return [dict(zip(names, row, strict=True)) for row in rows]
