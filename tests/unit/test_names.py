"""A person's name in one line."""

from __future__ import annotations

import pytest

from shared.names import full_name


@pytest.mark.parametrize(
    ("title", "given", "family", "written"),
    [
        ("", "Ada", "Lovelace", "Ada Lovelace"),
        ("Dr.", "Grace", "Hopper", "Dr. Grace Hopper"),
        ("", "محمد", "الخوارزمي", "محمد الخوارزمي"),
        ("", "Софья", "Ковалевская", "Софья Ковалевская"),
        ("", "冲之", "祖", "祖冲之"),
        ("博士", "冲之", "祖", "祖冲之博士"),
        ("Dr", "冲之", "祖", "Dr 祖冲之"),
        ("", "세종", "이", "이세종"),
        ("", "小龙 Bruce", "李", "小龙 Bruce 李"),
        ("", "Chongzhi", "祖", "Chongzhi 祖"),
        ("", "", "", ""),
    ],
)
def test_a_name_is_written_in_the_order_of_its_script(
    title: str, given: str, family: str, written: str
) -> None:
    assert full_name(title, given, family) == written
