"""The URL of a broker by parts in a worker: the operator's, from texts and files as they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from taskfleet.brokers.connection.target import url_of
from taskfleet_worker.broker_parts import Parts, broker_url, name_broker
from taskfleet_worker.settings import SettingsError
from taskfleet_worker.start.connection import drop_understood_parameters


def parts(scheme: str = "redis", folder: str | None = None, **texts: str | None) -> Parts:
    return Parts(scheme, folder, {"host": None, "port": None, "username": None, "path": None, **texts})


@pytest.mark.parametrize("password", ["", "x", "p@ss/w:rd#?%;[é ", "a$(b)\\"])
@pytest.mark.parametrize(
    ("scheme", "host", "rest"),
    [
        pytest.param("redis", "cache", {}, id="host-only"),
        pytest.param("rediss", "fd00::1", {"port": "6380", "username": "a:b@c", "path": "2"}, id="ipv6"),
        pytest.param("sentinel", "10.0.0.1", {"port": "26379", "path": "1"}, id="sentinel"),
        pytest.param("amqp", "mq", {"username": "shop", "path": "a/b %2F"}, id="rabbitmq"),
    ],
)
def test_operator_and_worker_make_one_url(
    tmp_path: Path, scheme: str, host: str, rest: dict[str, str], password: str
) -> None:
    (tmp_path / "password").write_text(password)
    (tmp_path / "host").write_text(host)
    given: dict[str, Any] = {**rest, "port": int(rest["port"]) if "port" in rest else None}
    made = broker_url(parts(scheme, str(tmp_path), **rest))
    assert made == url_of(scheme, host, password=password, **given)


def environment(broker: Any) -> dict[str, str]:
    return {"TASKFLEET_SETTINGS": json.dumps({"v": 1, "broker": broker})}


def test_the_url_is_in_the_environment_where_apps_look_for_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss")
    raw = {
        "scheme": "amqp",
        "folder": str(tmp_path),
        "host": "mq",
        "port": None,
        "username": "u",
        "path": None,
    }
    variables = environment(raw)
    assert name_broker(variables) is not None
    assert {variables[f"CELERY_BROKER_{name}"] for name in ("URL", "READ_URL", "WRITE_URL")} == {
        "amqp://u:p%40ss@mq/%2F"
    }


def test_a_url_of_the_environment_stays() -> None:
    variables = {**environment(None), "CELERY_BROKER_URL": "redis://h"}
    assert name_broker(variables) is None
    assert variables["CELERY_BROKER_URL"] == "redis://h"


def test_files_that_cannot_be_read_are_told_without_their_content(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"hunter2\xff")
    raw = {
        "scheme": "redis",
        "folder": str(tmp_path),
        "host": "h",
        "port": None,
        "username": None,
        "path": None,
    }
    with pytest.raises(SettingsError, match="check the Secrets and ConfigMaps") as refusal:
        name_broker(environment(raw))
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("rediss://:p@h/0?ssl_cert_reqs=required", "rediss://:p@h/0"),
        ("rediss://h?ssl_cert_reqs=CERT_REQUIRED&ssl_check_hostname=True", "rediss://h"),
        ("rediss://h?ssl_cert_reqs=none", "rediss://h?ssl_cert_reqs=none"),
        ("redis://h/0", "redis://h/0"),
    ],
)
def test_parameters_that_say_what_holds_anyway_are_taken_out(url: str, left: str) -> None:
    variables = {"CELERY_BROKER_URL": url}
    drop_understood_parameters(variables)
    assert variables["CELERY_BROKER_URL"] == left
