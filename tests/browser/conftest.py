"""One machine and one browser for the browser tests of a module, as `make up` starts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium as start_chromium
from tests.system import OneMachine


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneMachine]:
    one = OneMachine(tmp_path_factory.mktemp("one-machine"))
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def started_browser(chromium: str) -> Iterator[Browser]:
    with start_chromium(chromium) as started:
        yield started


@pytest.fixture
def browser(started_browser: Browser) -> Iterator[Browser]:
    """A browser without a page, and so without cookies and what pages keep."""
    yield started_browser
    # A page left open goes on with what it does, at the expense of the tests to come.
    for context in started_browser.contexts:
        context.close()
