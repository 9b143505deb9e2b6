"""What the app's configuration becomes, so that the worker reaches its broker and its results."""

import ssl
from typing import Any

import pytest

from taskfleet_worker.settings import Sentinel, Settings, Tls
from taskfleet_worker.start.connection import configure_connection, name_results

VERIFIED = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
UNVERIFIED = {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}


def settings(**changes: Any) -> Settings:
    return Settings("ns", "uid", "cluster", "prefork", 1, "Strict", "Late", 3600.0, 60.0, **changes)


def conf(**theirs: Any) -> dict[str, Any]:
    return {
        "broker_use_ssl": None,
        "redis_backend_use_ssl": None,
        "broker_transport_options": {},
        "result_backend": None,
        "result_backend_transport_options": {},
        **theirs,
    }


def configured(url: str, *, results: str = "", password: str = "", **changes: Any) -> dict[str, Any]:
    theirs = conf(**changes.pop("theirs", {}))
    environment = {
        "CELERY_BROKER_URL": url,
        "CELERY_RESULT_BACKEND": results,
        "TASKFLEET_SENTINEL_PASSWORD": password,
    }
    configure_connection(theirs, settings(**changes), environment)
    return theirs


@pytest.mark.parametrize(
    ("url", "tls", "theirs", "expected"),
    [
        pytest.param("redis://h", None, None, None, id="no-tls"),
        pytest.param("rediss://h", None, None, VERIFIED, id="verified-by-default"),
        pytest.param(
            "rediss://h", Tls(ca="/ca"), None, {**VERIFIED, "ssl_ca_certs": "/ca"}, id="ca-of-the-broker"
        ),
        pytest.param(
            "rediss://h",
            Tls(certificate="/c", key="/k"),
            None,
            {**VERIFIED, "ssl_certfile": "/c", "ssl_keyfile": "/k"},
            id="client-certificate",
        ),
        pytest.param("rediss://h", Tls(verify=False), None, UNVERIFIED, id="unverified-as-asked"),
        pytest.param(
            "rediss://h",
            Tls(ca="/ca"),
            {"ssl_cert_reqs": ssl.CERT_NONE},
            {**VERIFIED, "ssl_ca_certs": "/ca"},
            id="an-app-that-checks-nothing-does-where-the-broker-says-how",
        ),
        pytest.param(
            "rediss://h",
            None,
            {"ssl_ca_certs": "/own"},
            {**VERIFIED, "ssl_ca_certs": "/own"},
            id="the-apps-own-ca-where-the-broker-is-silent",
        ),
        pytest.param(
            "rediss://h",
            None,
            {"ssl_cert_reqs": "none"},
            {"ssl_cert_reqs": "none", "ssl_check_hostname": False},
            id="the-apps-own-choice-where-the-broker-is-silent",
        ),
    ],
)
def test_tls_of_the_broker(url: str, tls: Tls | None, theirs: Any, expected: Any) -> None:
    made = configured(url, tls=tls, theirs={"broker_use_ssl": theirs})
    assert made["broker_use_ssl"] == expected


def test_an_app_that_says_otherwise_is_told_of() -> None:
    theirs = conf(broker_use_ssl={"ssl_cert_reqs": ssl.CERT_NONE})
    notes = configure_connection(theirs, settings(tls=Tls()), {"CELERY_BROKER_URL": "rediss://h"})
    assert notes == ["The app sets broker_use_ssl. The Broker's TLS settings override it."]


@pytest.mark.parametrize(
    ("results", "theirs", "expected"),
    [
        pytest.param("rediss://r", None, {**VERIFIED, "ssl_ca_certs": "/ca"}, id="as-the-broker"),
        pytest.param("redis://r", None, None, id="without-tls"),
        pytest.param("rediss://r?ssl_cert_reqs=none", None, None, id="said-in-the-url"),
        pytest.param("rediss://r", {"a": 1}, {"a": 1}, id="the-apps-own"),
        pytest.param("db+sqlite://", None, None, id="no-redis"),
    ],
)
def test_tls_of_the_results(results: str, theirs: Any, expected: Any) -> None:
    made = configured(
        "rediss://h", results=results, tls=Tls(ca="/ca"), theirs={"redis_backend_use_ssl": theirs}
    )
    assert made["redis_backend_use_ssl"] == expected


def test_sentinels_for_tasks_and_results() -> None:
    made = configured(
        "sentinel://a;sentinel://b",
        results="sentinel://a/1",
        password="own",
        sentinel=Sentinel("main", tls=True),
        tls=Tls(ca="/ca"),
        theirs={"broker_transport_options": {"visibility_timeout": 5}},
    )
    options = made["broker_transport_options"]
    assert (options["master_name"], options["visibility_timeout"]) == ("main", 5)
    entrance = {"password": "own", "ssl": True, "ssl_ca_certs": "/ca", **VERIFIED}
    assert options["sentinel_kwargs"].items() >= entrance.items()
    assert made["result_backend_transport_options"] == {
        "master_name": "main",
        "sentinel_kwargs": options["sentinel_kwargs"],
    }
    assert made["broker_use_ssl"] == made["redis_backend_use_ssl"] == {**VERIFIED, "ssl_ca_certs": "/ca"}


@pytest.mark.parametrize("broker", [None, Sentinel("other")])
def test_sentinels_of_the_results_alone(broker: Sentinel | None) -> None:
    made = conf(result_backend_transport_options={"retry_policy": {"timeout": 5}})
    environment = {
        "CELERY_BROKER_URL": "redis://h" if broker is None else "sentinel://b",
        "CELERY_RESULT_BACKEND": "sentinel://a/1",
        "TASKFLEET_SENTINEL_PASSWORD": "the broker's",
        "TASKFLEET_RESULT_SENTINEL_PASSWORD": "own",
    }
    given = settings(sentinel=broker, result_sentinel=Sentinel("main", tls=True), tls=Tls(ca="/ca"))
    configure_connection(made, given, environment)
    options = made["result_backend_transport_options"]
    assert (options["master_name"], options["retry_policy"]) == ("main", {"timeout": 5})
    assert (options["sentinel_kwargs"]["password"], options["sentinel_kwargs"]["ssl"]) == ("own", True)
    assert made["redis_backend_use_ssl"] == {**VERIFIED, "ssl_ca_certs": "/ca"}
    assert made["broker_transport_options"].get("master_name") == (broker and "other")
    assert made["broker_use_ssl"] is None


def test_results_in_another_database_of_the_broker() -> None:
    environment = {"CELERY_BROKER_URL": "sentinel://u:p%40@a:1/0;sentinel://u:p%40@b:2/0"}
    name_results(environment, settings(result_database=3))
    assert environment["CELERY_RESULT_BACKEND"] == "sentinel://u:p%40@a:1/3;sentinel://u:p%40@b:2/3"
    unasked = {"CELERY_BROKER_URL": "redis://a"}
    name_results(unasked, settings())
    assert "CELERY_RESULT_BACKEND" not in unasked


CHECKED = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "rabbit.example"}
FILES = Tls(ca="/ca", certificate="/crt", key="/key")
PATHS = {"ca_certs": "/ca", "certfile": "/crt", "keyfile": "/key"}


@pytest.mark.parametrize(
    ("tls", "theirs", "expected"),
    [
        pytest.param(None, None, CHECKED, id="checked-by-default"),
        pytest.param(
            None, {"cert_reqs": ssl.CERT_NONE}, {"cert_reqs": ssl.CERT_NONE}, id="the-apps-own-where-silent"
        ),
        pytest.param(FILES, None, {**CHECKED, **PATHS}, id="files"),
        pytest.param(
            Tls(verify=False), {"server_hostname": "x"}, {"cert_reqs": ssl.CERT_NONE}, id="anybodys"
        ),
        pytest.param(FILES, {"cert_reqs": ssl.CERT_NONE}, {**CHECKED, **PATHS}, id="the-broker-wins"),
    ],
)
def test_tls_of_rabbitmq_in_py_amqps_words(tls: Tls | None, theirs: Any, expected: dict[str, Any]) -> None:
    changed = configured("amqps://u:p@rabbit.example/shop", tls=tls, theirs={"broker_use_ssl": theirs})
    assert changed["broker_use_ssl"] == expected


def test_plain_amqp_is_left_alone() -> None:
    assert configured("amqp://u:p@rabbit.example/shop")["broker_use_ssl"] is None
