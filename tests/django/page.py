"""The web app's page without a browser."""

import http.client
import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from tests.tools.browser import Tab


class Page:
    """A browser without a screen: it keeps cookies and sends the CSRF token, as the page's script does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, path: str = "/") -> tuple[int, str]:
        return self._open(self.url + path)

    def submit(self, work: str, count: int = 1) -> tuple[int, dict[str, Any]]:
        """Status and JSON answer of the page's button."""
        self.get("/")
        status, text = self.post("/runs/", work=work, count=count)
        return status, json.loads(text)

    def log_in(self, name: str, password: str) -> None:
        """To the admin; from then on every request is that user's."""
        self.get("/admin/login/")
        _, text = self.post("/admin/login/?next=/admin/", username=name, password=password)
        assert "Site administration" in text, text

    def post(self, path: str, **fields: Any) -> tuple[int, str]:
        """A form, with the token from the last page; redirections are followed."""
        token = next(one.value for one in self._cookies if one.name == "csrftoken")
        body = urllib.parse.urlencode(fields).encode()
        return self._open(urllib.request.Request(self.url + path, body, {"X-CSRFToken": token or ""}))

    def states(self) -> dict[str, str]:
        """State by task id of the newest runs."""
        return {run["id"]: run["state"] for run in json.loads(self.get("/runs/")[1])["runs"]}

    def _open(self, request: str | urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=120) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""


async def watch_work(tab: Tab, url: str) -> None:
    """As a person does: open the page, press buttons, watch states change, read results and a mistake's answer."""
    await tab.open(url)
    assert await tab.evaluate("document.title") == "Shop"
    for work, states, result in (
        ("order", ("PENDING", "SUCCESS"), "confirmed"),
        ("total", ("SUCCESS",), "3724"),
    ):
        await tab.evaluate(f"document.querySelector('[data-work={work}]').click()")
        row = f"[...document.querySelectorAll('#runs tr')].find(row => row.cells[1].textContent === '{work}')"
        for state in states:
            await tab.wait_for(f"{row}?.cells[2].textContent === '{state}'", seconds=60)
        assert result in await tab.evaluate(f"{row}.cells[3].textContent")
    await tab.evaluate("document.getElementById('count').value = 1000")
    await tab.evaluate("document.querySelector('[data-work=total]').click()")
    await tab.wait_for("document.getElementById('message').textContent.includes('from 1 to 100')", seconds=10)
