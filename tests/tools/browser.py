"""Headless Chromium from Debian's packages, driven over its own debugging protocol."""

import asyncio
import base64
import itertools
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.tools.cluster import debian
from tests.tools.waiting import wait_for

_START = 60  # seconds; a cold start on a busy machine


class Tab:
    """One page. JavaScript in, its JSON value out."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def open(self, url: str) -> None:
        await self._call("Page.navigate", url=url)
        await self.wait_for("document.readyState === 'complete'", seconds=30)

    async def evaluate(self, expression: str) -> Any:
        answer = await self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait_for(self, expression: str, *, seconds: float) -> Any:
        """The expression's first true value."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := await self.evaluate(expression)):
            assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:g} s: {expression}"
            await asyncio.sleep(0.1)
        return value

    async def look(self, *, width: int, height: int, scheme: str = "light") -> None:
        """Show the page in a window of this size, to a person who prefers this color scheme."""
        await self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 640,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self._call("Emulation.setEmulatedMedia", media="", features=features)

    async def print_pdf(self) -> bytes:
        return base64.b64decode((await self._call("Page.printToPDF"))["data"])

    async def screenshot(self, path: Path) -> None:
        """What the window shows, as a PNG."""
        data = (await self._call("Page.captureScreenshot", format="png"))["data"]
        await asyncio.to_thread(path.write_bytes, base64.b64decode(data))

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = json.loads((await self._socket.receive(timeout=60)).data)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Tab]:
    """A browser with an empty profile in `folder`; it ends with the block."""
    with _started(folder) as port:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                tabs = [one for one in await response.json() if one["type"] == "page"]
            async with session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=2**26) as socket:
                yield Tab(socket)


@contextmanager
def _started(folder: Path) -> Iterator[str]:
    """The port of its debugging protocol, which Chromium writes into its profile when it listens."""
    debian.require({"chromium": "chromium"})
    folder.mkdir(exist_ok=True)
    command = ["chromium", "--headless=new", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"]
    # Nothing but the page under test is asked for.
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    command += ["--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    if os.geteuid() == 0:  # it refuses to run as root inside of its own sandbox
        command.insert(1, "--no-sandbox")
    file = folder / "DevToolsActivePort"
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(lambda: process.poll() is not None or _port(file), _START, what="Chromium's port")
        assert process.poll() is None, (folder / "chromium.log").read_text()[-2000:]
        yield _port(file)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _port(file: Path) -> str:
    """Empty as long as its first line is not complete."""
    return file.read_text().partition("\n")[0] if file.exists() and "\n" in file.read_text() else ""
