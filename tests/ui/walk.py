"""Clicks in the page, and the milliseconds until it shows what was asked for, by the page's own clock."""

import json
from dataclasses import dataclass

from tests.tools.browser import Tab


@dataclass(frozen=True)
class Step:
    """Click the first of `selector`; a `value` is chosen in it instead."""

    selector: str
    shows: str
    value: str | None = None


@dataclass(frozen=True)
class Question:
    asked: str
    path: str  # where it begins
    steps: tuple[Step, ...]


async def take(tab: Tab, step: Step) -> float:
    """Milliseconds until the expression `shows` is true, as a frame is drawn."""
    selector, value = json.dumps(step.selector), json.dumps(step.value)
    choose = "one.value = value; one.dispatchEvent(new Event('change', {bubbles: true}))"
    milliseconds: float = await tab.evaluate(
        "new Promise((done, fail) => {"
        f"const one = document.querySelector({selector}), value = {value};"
        f"if (one === null) return fail(new Error('nothing is ' + {selector}));"
        "const start = performance.now();"
        f"if (value === null) one.click(); else {{ {choose} }}"
        "const look = () => {"
        f"if ({step.shows}) requestAnimationFrame(() => done(performance.now() - start));"
        "else if (performance.now() - start > 10000) fail(new Error('not within 10 s'));"
        "else requestAnimationFrame(look); };"
        "look(); })"
    )
    return milliseconds


async def visit(tab: Tab, path: str) -> None:
    """Go there within the page, so that the fleet is known already."""
    await tab.evaluate(
        f"history.pushState(null, '', {json.dumps(path)}), window.dispatchEvent(new PopStateEvent('popstate'))"
    )
    await tab.wait_for("document.querySelector('main h1') !== null", seconds=5)
