"""A hostile page in the same browser, and a hostile name or path, neither read nor act. Each way has its test."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from taskfleet.ui.guards import KEY_HEADER
from tests.tools.fleet_server import FleetServer
from tests.tools.hostile_names import HOSTILE_NAMES
from tests.unit.objects import pool
from tests.unit.ui.page import Browser, opened

ACT = {"kind": "WorkerPool", "namespace": "shop", "name": "mail", "act": "suspend"}
SECRET = pool(env=[{"name": "PASSWORD", "value": "hunter2"}])


@pytest.fixture
def fleet() -> FleetServer:
    server = FleetServer()
    server.put(SECRET)
    return server


@pytest.fixture
async def browser(tmp_path: Path, fleet: FleetServer) -> AsyncIterator[Browser]:
    async with opened(tmp_path, fleet) as page:
        yield page


async def test_the_pages_own_scripts_may_act(browser: Browser, fleet: FleetServer) -> None:
    status, _, _ = await browser.ask("POST", "/api/act", body=ACT)
    assert status == 200
    assert fleet.patches == [
        ("/apis/taskfleet.dev/v1alpha1/namespaces/shop/workerpools/mail", {"spec": {"suspend": True}})
    ]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.test"}, id="a-name-that-resolves-here"),
        pytest.param({"Host": "127.0.0.1"}, id="another-port-of-this-host"),
        pytest.param({"Host": "127.0.0.1.evil.test:{port}"}, id="a-host-that-begins-alike"),
        pytest.param({"Origin": "http://evil.test"}, id="another-origin"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, id="another-port-of-this-origin"),
        pytest.param({"Origin": "http://localhost:{port}"}, id="the-other-name-of-this-host"),
        pytest.param({"Origin": "https://127.0.0.1:{port}"}, id="another-scheme"),
        pytest.param({"Origin": "null"}, id="a-sandboxed-frame"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a-server-on-another-port"),
        pytest.param({"Cookie": None}, id="no-cookie"),
        pytest.param({"Cookie": "taskfleet-{port}=guessed"}, id="a-wrong-cookie"),
        pytest.param({KEY_HEADER: None}, id="a-form-which-can-send-no-key"),
        pytest.param({KEY_HEADER: "guessed"}, id="a-wrong-key"),
        pytest.param({KEY_HEADER: "gu\u00e9ssed"}, id="a-key-beyond-ascii"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/act"), ("POST", "/api/access"), ("GET", "/api/live"), ("GET", "/api/history")],
)
async def test_nobody_else_reads_or_acts(
    browser: Browser, fleet: FleetServer, headers: dict[str, str | None], method: str, path: str
) -> None:
    sent = {name: value and value.replace("{port}", str(browser.port)) for name, value in headers.items()}
    status, text, response = await browser.ask(
        method, path, body=ACT if method == "POST" else None, headers=sent
    )
    assert status in (401, 403)
    assert "hunter2" not in text
    assert "Access-Control-Allow-Origin" not in response.headers
    assert (fleet.patches, fleet.reviews) == ([], [])


async def test_a_request_that_acts_must_name_its_origin(browser: Browser, fleet: FleetServer) -> None:
    status, _, _ = await browser.ask("POST", "/api/act", body=ACT, headers={"Origin": None})
    assert (status, fleet.patches) == (403, [])


async def test_a_preflight_of_another_origin_is_refused(browser: Browser) -> None:
    headers: dict[str, str | None] = {
        "Origin": "http://evil.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": KEY_HEADER,
    }
    status, _, response = await browser.ask("OPTIONS", "/api/act", headers=headers)
    assert status == 403
    assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_the_token_of_the_link_opens_one_session(browser: Browser) -> None:
    token = browser.session.token
    status, text, response = await browser.ask("POST", "/api/session", body={"token": token})
    assert status == 200
    assert json.loads(text) == {"key": browser.session.key}
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"taskfleet-{browser.port}={browser.session.cookie};")
    assert {"HttpOnly", "Path=/api", "SameSite=Strict"} <= set(cookie.split("; "))
    status, text, _ = await browser.ask("POST", "/api/session", body={"token": token})
    assert status == 401
    assert "used before" in text


@pytest.mark.parametrize("token", ["guessed", "", None, 1, ["x"], {"a": "b"}])
async def test_another_token_opens_none_and_leaves_the_right_one_valid(
    browser: Browser, token: object
) -> None:
    status, _, response = await browser.ask("POST", "/api/session", body={"token": token})
    assert status == 401
    assert "Set-Cookie" not in response.headers
    status, _, _ = await browser.ask("POST", "/api/session", body={"token": browser.session.token})
    assert status == 200


async def test_another_origin_cannot_use_up_or_try_the_token(browser: Browser) -> None:
    headers: dict[str, str | None] = {"Origin": "http://evil.test"}
    body = {"token": browser.session.token}
    status, _, _ = await browser.ask("POST", "/api/session", body=body, headers=headers)
    assert status == 403
    assert browser.session.token is not None


@pytest.mark.parametrize("path", ["/", "/pools/shop/mail", "/app.js", "/app.css", "/nothing", "/api/live"])
async def test_every_answer_has_the_headers_that_keep_others_out(browser: Browser, path: str) -> None:
    _, _, response = await browser.ask("GET", path, headers={"Cookie": None})
    policy = dict(
        part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in response.headers


async def test_the_page_has_no_script_of_its_own_line_and_names_no_other_host(browser: Browser) -> None:
    _, page, _ = await browser.ask("GET", "/")
    assert page.count("<script") == page.count('src="/app.js"') == 1
    assert "style=" not in page
    for path in ("/", "/app.js", "/app.css", "/icon.svg"):
        _, text, _ = await browser.ask("GET", path)
        others = text.replace("http://www.w3.org/", "")
        assert "://" not in others, path


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/..%2f..%2fserver.py",
        "/%2e%2e/server.py",
        "/assets/../server.py",
        "//etc/passwd",
        "/app.js/../../server.py",
        "/app.js%00.html",
        "/index.html",
        "/pools/../../etc/passwd",
        "/api/v1/secrets",
        "/apis/taskfleet.dev/v1alpha1/workerpools",
        "/server.py",
    ],
)
async def test_no_path_leads_out_of_the_pages_files(browser: Browser, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", browser.port)
    cookie, key = browser.own_headers["Cookie"], browser.session.key
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{browser.port}\r\nCookie: {cookie}\r\n"
    writer.write(f"{head}{KEY_HEADER}: {key}\r\nConnection: close\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    assert answer.split()[1] in ("400", "401", "404"), answer


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("part", ["namespace", "name"])
async def test_no_name_leads_to_another_object(
    browser: Browser, fleet: FleetServer, name: str, part: str
) -> None:
    status, _, _ = await browser.ask("POST", "/api/act", body={**ACT, part: name})
    assert (status, fleet.patches) == (422, [])


async def test_a_stream_of_a_hostile_namespace_is_refused(browser: Browser) -> None:
    status, _, _ = await browser.ask("GET", "/api/live?namespace=..%2fkube-system")
    assert status == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"{", 400, id="no-json"),
        pytest.param(b"[]", 400, id="no-object"),
        pytest.param({}, 400, id="empty"),
        pytest.param({**ACT, "kind": "Secret"}, 400, id="another-kind"),
        pytest.param({**ACT, "act": "delete"}, 400, id="another-act"),
        pytest.param({**ACT, "act": "purge"}, 400, id="the-act-of-another-kind"),
        pytest.param({**ACT, "arguments": []}, 400, id="arguments-of-another-form"),
        pytest.param({**ACT, "act": "scale", "arguments": {"replicas": "1"}}, 400, id="no-number"),
        pytest.param({**ACT, "act": "scale", "arguments": {"replicas": -1}}, 400, id="below-zero"),
        pytest.param({**ACT, "act": "scale", "arguments": {"replicas": True}}, 400, id="a-boolean"),
        pytest.param({**ACT, "act": "requeue", "arguments": {"ids": ["a b"]}}, 400, id="two-words"),
        pytest.param({**ACT, "act": "requeue", "arguments": {"ids": ["a"] * 1001}}, 400, id="many-ids"),
        pytest.param(b" " * 300_000, 413, id="too-large"),
    ],
)
async def test_what_is_no_act_changes_nothing(
    browser: Browser, fleet: FleetServer, body: object, status: int
) -> None:
    answered, _, _ = await browser.ask("POST", "/api/act", body=body)
    assert (answered, fleet.patches) == (status, [])


async def test_it_listens_on_this_machine_only(browser: Browser) -> None:
    with pytest.raises(OSError, match=r"Connect|refused"):
        await asyncio.open_connection("127.0.0.2", browser.port)
