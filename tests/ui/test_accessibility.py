"""axe-core finds no serious fault, in both themes and both widths; nothing is wider than a phone."""

from pathlib import Path

import pytest

from tests.tools.browser import Tab
from tests.ui.fleet import place
from tests.ui.walk import Step, take, visit

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
PATHS = (
    *("/", "/queues", "/schedules", "/brokers", "/events"),
    *("/pools/{}/{}".format(*place(7)), "/queues/{}/{}".format(*place(4))),
    *("/schedules/{}/hourly-{}".format(*place(10)), "/brokers/team-03/default"),
)
WIDTHS = {1280: 900, 390: 844}


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there: make ui-check")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_there_is_no_serious_fault(tab: Tab, scheme: str, width: int) -> None:
    await tab.evaluate(AXE.read_text() + "\n;null")
    await tab.look(width=width, height=WIDTHS[width], scheme=scheme)
    found = []
    for path in PATHS:
        await visit(tab, path)
        found += [f"{path} {one}" for one in await _faults(tab)]
    await visit(tab, PATHS[6])
    await tab.wait_for("document.querySelector('.acts button:enabled')", seconds=5)
    await take(tab, Step(".acts button", "document.querySelector('dialog[open] form') !== null"))
    found += [f"dialog {one}" for one in await _faults(tab)]
    assert found == []


async def _faults(tab: Tab) -> list[str]:
    faults: list[str] = await tab.evaluate(
        "axe.run().then((all) => all.violations.filter((one) => ['serious', 'critical'].includes(one.impact))"
        ".map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')))"
    )
    return faults


@pytest.mark.parametrize("path", PATHS)
async def test_a_phone_shows_it_without_scrolling_sideways(tab: Tab, path: str) -> None:
    await tab.look(width=390, height=844)
    await visit(tab, path)
    assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
