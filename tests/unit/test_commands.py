"""What commands offer before they ask the running system."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from deploy.cli import app

WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}
ROLES = "organiser|reviewer|desk|security_lead|viewer|focal_point"


@pytest.mark.parametrize("command", ["add", "change"])
def test_staff_are_offered_the_roles_that_an_account_can_have(command: str) -> None:
    offered = CliRunner().invoke(app, ["staff", command, "--help"], env=WIDE)
    assert f" {ROLES} " in offered.output
    refused = CliRunner().invoke(
        app, ["staff", command, "a@example.org", "--role", "security"], env=WIDE
    )
    assert refused.exit_code == 2
    assert f"an account can be {ROLES.replace('|', ', ')}" in refused.output
