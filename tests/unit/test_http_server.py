"""What the operator's port answers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from taskfleet.api import Key, Object
from taskfleet.api.questions import TOKEN_HEADER
from taskfleet.controllers.questions import RefusedError
from taskfleet.http_server import serve


async def dead_letters(pool: Key, secret: str, _query: Mapping[str, str]) -> Object:
    if secret != "right":
        raise RefusedError(403, "Show the secret.")
    return {"pool": list(pool)}


@asynccontextmanager
async def serving(
    *,
    unhealthy: str | None = None,
    unready: str | None = None,
    slow: str | None = None,
    more_metrics: tuple[bytes, ...] = (),
) -> AsyncIterator[str]:
    runner = await serve(
        0,
        unhealthy=lambda: unhealthy,
        unready=lambda: unready,
        slow=lambda: slow,
        answers={"/dead": dead_letters},
        more_metrics=lambda: iter(more_metrics),
    )
    try:
        # IPv4 and IPv6 get a free port each.
        port = next(address[1] for address in runner.addresses if address[0] == "0.0.0.0")
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def get(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("problems", "healthz", "readyz"),
    [
        pytest.param({}, (200, "ok\n"), (200, "ok\n"), id="fine"),
        pytest.param(
            {"slow": "slowest step in the last minute: x, 80 ms"},
            *[(200, "ok\nslowest step in the last minute: x, 80 ms\n")] * 2,
            id="slow",
        ),
        pytest.param({"unready": "not read yet"}, (200, "ok\n"), (503, "not read yet\n"), id="starting"),
        pytest.param(
            {"unhealthy": "watches dead"}, (503, "watches dead\n"), (503, "watches dead\n"), id="sick"
        ),
    ],
)
async def test_probes_say_why_not(
    problems: dict[str, Any], healthz: tuple[int, str], readyz: tuple[int, str]
) -> None:
    async with serving(**problems) as url:
        assert await get(f"{url}/healthz") == healthz
        assert await get(f"{url}/readyz") == readyz


async def test_metrics_are_in_prometheus_form() -> None:
    async with serving(more_metrics=(b"more 1\n", b"and_more 2\n")) as url:
        status, text = await get(f"{url}/metrics")
    assert status == 200
    assert "# TYPE taskfleet_workqueue_depth gauge" in text
    assert text.endswith("\nmore 1\nand_more 2\n")


@pytest.mark.parametrize(
    ("secret", "status", "text"),
    [
        pytest.param("right", 200, '{"pool": ["WorkerPool", "shop", "mail"]}', id="shown"),
        pytest.param("wrong", 403, '{"message": "Show the secret."}', id="wrong"),
    ],
)
async def test_dead_letters_are_for_whom_the_token_lets(secret: str, status: int, text: str) -> None:
    async with serving() as url:
        answer = await get(f"{url}/dead?namespace=shop&pool=mail", **{TOKEN_HEADER: secret})
    assert answer == (status, text)
