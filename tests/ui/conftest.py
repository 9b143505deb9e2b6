"""The page before a fleet, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.tools.browser import Tab, chromium
from tests.tools.fleet_server import FleetServer
from tests.ui.fleet import failures, fleet, history, place
from tests.unit.ui.page import Browser, opened

POOLS = 1000


@pytest.fixture
def server() -> FleetServer:
    found = FleetServer(tokens=frozenset({"of-ann"}))
    found.put(*fleet(POOLS))
    found.failures.update({place(number): failures(number) for number in range(POOLS)})
    found.histories.update({place(number): history(number) for number in range(POOLS)})
    return found


@pytest.fixture
async def page(tmp_path: Path, server: FleetServer) -> AsyncIterator[Browser]:
    async with opened(tmp_path, server) as browser:
        yield browser


@pytest.fixture
async def tab(tmp_path: Path, page: Browser) -> AsyncIterator[Tab]:
    """A window of 1280 x 900 that has opened the link and shows the fleet."""
    async with chromium(tmp_path / "profile") as one:
        await one.look(width=1280, height=900)
        await one.open(f"{page.origin}/#token={page.session.token}")
        await one.wait_for("document.querySelectorAll('.body .row').length > 5", seconds=30)
        yield one
