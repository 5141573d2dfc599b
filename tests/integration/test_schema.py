"""An old version and a new one at the same database."""

from __future__ import annotations

from pathlib import Path

from deploy.private_servers import PostgreSQL
from services.badging.app import create
from tests.running import running


async def test_the_version_before_works_on_a_schema_that_a_newer_one_has_expanded(
    postgres: PostgreSQL, tmp_path: Path
) -> None:
    postgres.drop_databases()
    async with running(create, postgres.url, tmp_path):
        pass
    postgres.execute(
        """
        UPDATE service_version SET version_num = 'badging_9999';
        UPDATE shared_version SET version_num = 'shared_9999';
        ALTER TABLE badges ADD COLUMN printed_at timestamptz;
        """,
        database="forumpass_badging",
    )
    async with running(create, postgres.url, tmp_path) as badging:
        keys = (await badging.http.get("/badging/api/keys")).json()["keys"]
        assert [key["kid"] for key in keys] == ["1"]
    [left_alone] = postgres.execute(
        "SELECT version_num FROM service_version", database="forumpass_badging"
    )
    assert left_alone == "badging_9999"
