"""A hostile page in the same browser, after the user has opened the link: it neither reads nor acts. A server on another
port of 127.0.0.1 is the worst one: for the browser it is the same site, so it is sent the page's cookie.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.tools.browser import Tab
from tests.tools.fleet_server import FleetServer
from tests.ui.fleet import place
from tests.unit.ui.page import Browser

NAMESPACE, NAME = place(3)
ACT = json.dumps(
    {"kind": "WorkerPool", "namespace": NAMESPACE, "name": NAME, "act": "suspend", "arguments": {}}
)
READ = "(response) => response.text().then((text) => response.type + text)"
# Each expression is a promise of what the hostile page got. ORIGIN is the page's own.
WAYS = {
    "reads-with-the-cookie": f"fetch(ORIGIN + '/api/live', {{credentials: 'include'}}).then({READ})",
    "reads-blindly": f"fetch(ORIGIN + '/api/live', {{mode: 'no-cors', credentials: 'include'}}).then({READ})",
    "reads-the-page-itself": f"fetch(ORIGIN + '/', {{credentials: 'include'}}).then({READ})",
    "acts-with-the-cookie": (
        "fetch(ORIGIN + '/api/act', {method: 'POST', credentials: 'include',"
        f" headers: {{'Content-Type': 'application/json', 'Taskfleet-Key': 'guessed'}}, body: ACT}}).then({READ})"
    ),
    "acts-without-a-preflight": (
        "fetch(ORIGIN + '/api/act', {method: 'POST', mode: 'no-cors', credentials: 'include',"
        f" headers: {{'Content-Type': 'text/plain'}}, body: ACT}}).then({READ})"
    ),
    "acts-by-a-beacon": "Promise.resolve(String(navigator.sendBeacon(ORIGIN + '/api/act', ACT)))",
    "acts-by-a-form": (
        "new Promise((done) => { const frame = document.createElement('iframe'); frame.name = 'sink';"
        "const form = document.createElement('form'); form.target = 'sink'; form.method = 'post';"
        "form.enctype = 'text/plain'; form.action = ORIGIN + '/api/act';"
        "const field = document.createElement('input'); field.name = ACT.slice(0, -1) + ',\"x\":\"';"
        "field.value = '\"}'; form.append(field); document.body.append(frame, form);"
        "frame.onload = () => setTimeout(() => done(''), 200); form.submit(); })"
    ),
    "includes-it-as-a-script": (
        "new Promise((done) => { const one = document.createElement('script'); one.src = ORIGIN + '/app.js';"
        "one.onload = () => done('loaded'); one.onerror = () => done(''); document.body.append(one); })"
    ),
    "puts-it-into-a-frame": (
        "new Promise((done) => { const frame = document.createElement('iframe'); frame.src = ORIGIN + '/';"
        "frame.onload = () => setTimeout(() => { let text = ''; try { text = frame.contentDocument.body.innerHTML }"
        "catch {} done(text + frame.contentWindow.length); }, 300); document.body.append(frame); })"
    ),
    "asks-for-another-session": (
        "fetch(ORIGIN + '/api/session', {method: 'POST', mode: 'no-cors', credentials: 'include',"
        f" body: JSON.stringify({{token: 'guessed'}})}}).then({READ})"
    ),
    "reads-the-key": "Promise.resolve(String(localStorage.getItem('taskfleet-key')) + document.cookie)",
}  # fmt: skip


@asynccontextmanager
async def elsewhere(heard: list[str]) -> AsyncIterator[str]:
    """The origin of a server on another port; `heard` are the cookies that it was sent."""

    async def handler(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Cookie", ""))
        return web.Response(text="<!doctype html><body>hostile</body>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("way", WAYS)
async def test_it_neither_reads_nor_acts(tab: Tab, page: Browser, server: FleetServer, way: str) -> None:
    reviews = list(server.reviews)
    async with elsewhere([]) as origin:
        await tab.open(f"{origin}/")
        given = f"const ORIGIN = {json.dumps(page.origin)}, ACT = {json.dumps(ACT)};"
        got = await tab.evaluate(
            f"(async () => {{ {given} return {WAYS[way]}.catch((error) => 'refused: ' + error); }})()"
        )
    assert NAME not in got
    assert page.session.key not in got
    assert page.session.cookie not in got
    assert "<div" not in got
    assert (server.patches, server.reviews) == ([], reviews)


async def test_a_cookie_that_another_port_was_sent_opens_nothing(
    tab: Tab, page: Browser, server: FleetServer
) -> None:
    heard: list[str] = []
    async with elsewhere(heard) as origin:
        await tab.open(f"{origin}/api/stolen")
    stolen = next(cookie for cookie in heard if page.session.cookie in cookie)  # so the key is needed
    headers: dict[str, str | None] = {"Cookie": stolen, "Taskfleet-Key": None}
    status, _, _ = await page.ask("POST", "/api/act", body=json.loads(ACT), headers=headers)
    assert (status, server.patches) == (401, [])
