"""One machine for all browser tests, started as `make up` starts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system import OneMachine


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneMachine]:
    one = OneMachine(tmp_path_factory.mktemp("one-machine"))
    one.start()
    yield one
    one.stop()
