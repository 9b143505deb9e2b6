"""The URLs of addresses by parts in a worker: the operator's, from texts and files as they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from taskfleet.brokers.connection import target
from taskfleet_worker.address_parts import Parts, name_broker, name_result_backend, url_of
from taskfleet_worker.settings import SettingsError
from taskfleet_worker.start.connection import drop_understood_parameters


def parts(scheme: str = "redis", folder: str | None = None, *hosts: str, **texts: str | None) -> Parts:
    return Parts(scheme, folder, {"host": None, "port": None, "username": None, "path": None, **texts}, hosts)


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
    made = url_of(parts(scheme, str(tmp_path), **rest))
    assert made == target.url_of(scheme, host, password=password, **given)


def test_operator_and_worker_make_one_url_of_several_sentinels(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss;")
    hosts = ("sentinel-0", "fd00::1")
    made = url_of(parts("sentinel", str(tmp_path), *hosts, port="26379", path="2"))
    assert made == target.url_of("sentinel", *hosts, port=26379, password="p@ss;", path="2")
    assert made == "sentinel://:p%40ss%3B@sentinel-0:26379/2;sentinel://:p%40ss%3B@[fd00::1]:26379/2"


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


def results(folder: Path, **changes: Any) -> dict[str, str]:
    raw = {
        "scheme": "db+postgresql", "folder": str(folder), "host": "db", "port": None, "username": "shop",
        "path": "results", "files": ["password"], **changes,
    }  # fmt: skip
    return {"TASKFLEET_SETTINGS": json.dumps({"v": 1, "results": raw})}


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        pytest.param({}, "db+postgresql://shop:p%40ss%2Fw%3Ard@db/results", id="database"),
        pytest.param(
            {"port": "6380", "path": "2", "scheme": "rediss", "username": None},
            "rediss://:p%40ss%2Fw%3Ard@db:6380/2",
            id="redis",
        ),
        pytest.param(
            {"scheme": "sentinel", "host": None, "hosts": ["a", "b"], "path": None, "username": None},
            "sentinel://:p%40ss%2Fw%3Ard@a/;sentinel://:p%40ss%2Fw%3Ard@b/",
            id="sentinels",
        ),
    ],
)  # fmt: skip
def test_the_url_of_results_is_in_the_environment(tmp_path: Path, changes: Any, url: str) -> None:
    (tmp_path / "password").write_text("p@ss/w:rd")
    variables = results(tmp_path, **changes)
    assert name_result_backend(variables) is not None
    assert variables["CELERY_RESULT_BACKEND"] == url
    assert name_broker(variables) is None


@pytest.mark.parametrize(
    ("changes", "files", "sentence"),
    [
        pytest.param({}, {}, "password of spec.resultBackend is missing. Create the Secret or", id="missing"),
        pytest.param(
            {}, {"password": "hunter2\n"}, "password of .* contains control characters", id="line-break"
        ),
        pytest.param(
            {}, {"password": ""}, "password of .* is empty, but there is a user name", id="no-password"
        ),
        pytest.param(
            {"host": None}, {"host": "hunter2:5432"}, "host of .* is not valid. Use a host", id="host"
        ),
        pytest.param({"host": None}, {}, "host of spec.resultBackend is not valid", id="no-host"),
        pytest.param(
            {"port": None}, {"port": "tcp://hunter2"}, "port of .* is not valid. Use a number", id="port"
        ),
        pytest.param(
            {"path": None}, {"path": "hunter2/x"}, "database of .* is not valid. Use letters", id="name"
        ),
        pytest.param(
            {"scheme": "redis", "path": None},
            {"path": "hunter2"},
            "database of .* Use a number, such as 0",
            id="number",
        ),
        pytest.param(
            {"username": None}, {}, "username of .* is empty, but db[+]postgresql requires", id="no-user"
        ),
    ],
)
def test_part_of_results_that_leads_nowhere_is_named_and_never_shown(
    tmp_path: Path, changes: Any, files: dict[str, str], sentence: str
) -> None:
    required = {} if not (changes or files) else {"password": "x"}
    for name, text in {**required, **files}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=sentence) as refusal:
        name_result_backend(results(tmp_path, **changes))
    assert "hunter2" not in str(refusal.value)
