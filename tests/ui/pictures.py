"""`make ui-pictures`: the pictures of the documentation, of a fleet in memory."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.tools.browser import chromium
from tests.tools.fleet_server import FleetServer
from tests.ui.fleet import failures, fleet, history, place
from tests.ui.walk import visit
from tests.unit.ui.page import opened

POOL = "/pools/{}/{}".format(*place(20))
# Name, path, width, height, color scheme.
PICTURES = (
    ("ui-fleet", "/", 1280, 800, "light"),
    ("ui-pool", POOL, 1280, 800, "dark"),
    ("ui-fleet-phone", "/", 390, 800, "light"),
    ("ui-pool-phone", POOL, 390, 800, "dark"),
    ("ui-queues", "/queues", 1280, 800, "dark"),
    ("ui-schedules", "/schedules", 1280, 800, "light"),
    ("ui-events", "/events", 1280, 800, "light"),
    ("ui-events-phone", "/events", 390, 800, "light"),
    ("ui-brokers", "/brokers/team-03/default", 1280, 800, "light"),
)


async def draw(folder: Path, names: list[str]) -> None:
    """Only those named; without names all."""
    server = FleetServer(tokens=frozenset({"of-ann"}))
    server.put(*fleet(1000))
    server.drop("WorkerPool", *place(7))  # its texts are for the tests of markup
    server.failures.update({place(number): failures(number) for number in range(1000)})
    server.histories.update({place(number): history(number) for number in range(1000)})
    with tempfile.TemporaryDirectory() as scratch:
        async with opened(Path(scratch), server) as page, chromium(Path(scratch) / "profile") as tab:
            await tab.look(width=1280, height=900)
            await tab.open(f"{page.origin}/#token={page.session.token}")
            await tab.wait_for("document.querySelectorAll('.body .row').length > 5", seconds=30)
            for name, path, width, height, scheme in PICTURES:
                if not names or name in names:
                    await tab.look(width=width, height=height, scheme=scheme)
                    await visit(tab, path)
                    await tab.wait_for("new Promise((done) => setTimeout(() => done(true), 400))", seconds=5)
                    await tab.screenshot(folder / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1]), sys.argv[2:]))
