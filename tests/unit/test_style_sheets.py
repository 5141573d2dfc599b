"""Every style sheet of ours parses, and its braces are balanced.

One that is left open nests all that follows in one rule, and browsers say nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tinycss2

from shared.settings import REPOSITORY

FOLDERS = ("shared", "services", "deploy")
SKIPPED = {"node_modules", "dist"}
SHEETS = sorted(
    sheet.relative_to(REPOSITORY)
    for folder in FOLDERS
    for sheet in (REPOSITORY / folder).rglob("*.css")
    if not SKIPPED & set(sheet.parts)
)
NESTING = {"media", "supports", "layer", "container"}


def faults(text: str) -> list[str]:
    """What is wrong with a style sheet, by line."""
    found = [] if text.count("{") == text.count("}") else ["braces are not balanced"]
    return found + _faults_in(tinycss2.parse_stylesheet(text, True, True))


def _faults_in(rules: list[Any]) -> list[str]:
    found = []
    for rule in rules:
        if rule.type == "error":
            found.append(f"line {rule.source_line}: {rule.message}")
        elif rule.type == "at-rule" and rule.at_keyword in NESTING:
            found += _faults_in(tinycss2.parse_rule_list(rule.content, True, True))
        elif rule.type == "qualified-rule":
            # We nest nothing: a rule in a rule is a brace that was left open.
            inside = tinycss2.parse_blocks_contents(rule.content, True, True)
            found += [
                f"line {part.source_line}: {part.type} inside a rule"
                for part in inside
                if part.type != "declaration"
            ]
    return found


def test_there_are_style_sheets() -> None:
    assert Path("shared/web/base.css") in SHEETS


@pytest.mark.parametrize("sheet", SHEETS, ids=str)
def test_a_style_sheet_leaves_nothing_open(sheet: Path) -> None:
    assert faults((REPOSITORY / sheet).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "broken", ["a { color: red; b { color: blue; }", "a { b { color: red; } }", "a { } }"]
)
def test_a_brace_left_open_is_found(broken: str) -> None:
    assert faults(broken)
