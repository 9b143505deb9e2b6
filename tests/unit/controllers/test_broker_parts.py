"""A broker by parts: what its Secrets and ConfigMaps may hold, and what is told of what is of no use: never the value."""

import base64
from typing import Any

import pytest

from taskfleet.api import External, Object
from taskfleet.api.reasons import BrokerReason
from taskfleet.brokers.connection.target import Sentinels
from taskfleet.controllers.broker_address import target_in
from taskfleet.controllers.broker_credentials import ADDRESS, followed_target, versions_of
from taskfleet.controllers.broker_keys import AddressError, Sources, config_map_names, secret_names

PASSWORD = {"passwordSecretRef": {"name": "login", "key": "password"}}
USER = {"usernameFrom": {"secretKeyRef": {"name": "login", "key": "user"}}}
HOST = {"hostFrom": {"configMapKeyRef": {"name": "addresses", "key": "host"}}}
REDIS = {"scheme": "redis", "host": "cache"}


def external(**fields: Any) -> External:
    return External.model_validate(fields)


def sources(config: Object | None = None, version: str = "1", **login: str) -> Sources:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in login.items()}
    secret = {"metadata": {"resourceVersion": version}, "data": data}
    return Sources({"login": secret}, {"addresses": {"data": config or {}}})


@pytest.mark.parametrize(
    ("fields", "login", "endpoint", "rest"),
    [
        pytest.param(REDIS, {}, "cache:6379", (None, None, 0), id="host-only"),
        pytest.param({**REDIS, "port": 6380, "database": 2}, {}, "cache:6380", (None, None, 2), id="numbers"),
        pytest.param(
            {**REDIS, **PASSWORD}, {"password": "p@ss/w:rd#?%;[é"}, "cache:6379",
            (None, "p@ss/w:rd#?%;[é", 0), id="password-only",
        ),
        pytest.param(
            {**REDIS, **PASSWORD, **USER}, {"password": " x ", "user": "a:b@c"}, "cache:6379",
            ("a:b@c", " x ", 0), id="user-with-any-character",
        ),
        pytest.param(
            {**REDIS, **PASSWORD, **USER}, {"password": "x", "user": ""}, "cache:6379", (None, "x", 0), id="empty-user",
        ),
        pytest.param(
            {**REDIS, "host": "fd00::1", **PASSWORD}, {"password": ""}, "[fd00::1]:6379", (None, None, 0), id="ipv6",
        ),
        pytest.param({**REDIS, "scheme": "rediss"}, {}, "cache:6379", (None, None, 0), id="tls"),
    ],
)  # fmt: skip
def test_parts_of_a_redis(fields: Object, login: Any, endpoint: str, rest: tuple[Any, ...]) -> None:
    target = target_in(sources(**login), external(**fields), "shop")
    assert target.endpoint == endpoint
    assert (target.username, target.password, target.database) == rest
    assert (target.tls is not None) == (fields["scheme"] == "rediss")


def test_parts_of_several_sentinels() -> None:
    described = external(
        scheme="sentinel",
        hosts=["a", "fd00::1"],
        port=26380,
        database=2,
        sentinel={"masterName": "main"},
        **PASSWORD,
    )
    target = target_in(sources(password="p@ss;"), described, "shop")
    assert target.hosts == (("a", 26380), ("fd00::1", 26380))
    assert (target.password, target.database, target.sentinels) == ("p@ss;", 2, Sentinels("main"))


@pytest.mark.parametrize(
    ("given", "vhost"), [(None, "/"), ("/", "/"), ("shop", "shop"), ("a/b %2F", "a/b %2F")]
)
def test_parts_of_a_rabbitmq(given: str | None, vhost: str) -> None:
    described = external(scheme="amqps", host="mq", virtualHost=given, username="shop", **PASSWORD)
    target = target_in(sources(password="p@ss"), described, "shop")
    assert (target.vhost, target.username, target.password) == (vhost, "shop", "p@ss")
    assert target.endpoint == "mq:5671"


def test_every_part_from_a_key() -> None:
    def key(name: str) -> Object:
        return {"configMapKeyRef": {"name": "addresses", "key": name}}

    described = external(
        scheme="redis", hostFrom=key("host"), portFrom=key("port"), databaseFrom=key("db"), **USER, **PASSWORD
    )
    assert secret_names(described) == ["login"]
    assert config_map_names(described) == ["addresses"]
    config = {"host": "cache", "port": "6380", "db": "3"}
    target = target_in(sources(config, user="app", password="x"), described, "shop")
    assert (target.endpoint, target.database, target.username) == ("cache:6380", 3, "app")


@pytest.mark.parametrize(
    ("fields", "config", "login", "sentence"),
    [
        pytest.param(HOST, {}, {}, "ConfigMap 'addresses' has no key 'host'. Add it, or", id="no-key"),
        pytest.param(HOST, {"host": ""}, {}, "is not a host name or an IP address", id="empty-host"),
        pytest.param(HOST, {"host": "redis://hunter2"}, {}, "'host' of ConfigMap 'addresses' is not a", id="url"),
        pytest.param(
            {"hosts": ["a", "b" * 64], "sentinel": {"masterName": "main"}}, {}, {},
            r"spec.external.hosts\[1\] is not a host name", id="one-of-several-hosts",
        ),
        pytest.param(HOST, {"host": "fd00::1%"}, {}, "is not a host name or an IP address", id="zone-without-a-name"),
        pytest.param(HOST, {"host": "10.0.0.1%eth0"}, {}, "is not a host name", id="zone-of-ipv4"),
        pytest.param(HOST, {"host": "hunter2:6379"}, {}, "without scheme, port and brackets", id="host-and-port"),
        pytest.param(
            {"host": "h", "portFrom": {"configMapKeyRef": {"name": "addresses", "key": "port"}}},
            {"port": "tcp://hunter2"}, {}, "is not a port. Use a number", id="port",
        ),
        pytest.param(
            {"host": "h", "databaseFrom": {"configMapKeyRef": {"name": "addresses", "key": "db"}}},
            {"db": "hunter2"}, {}, "is not the number of a database", id="database",
        ),
        pytest.param(
            {"host": "h", **PASSWORD}, {}, {"password": "hunter2\n"},
            "'password' of Secret 'login' contains control characters, such as a line break at its end",
            id="line-break",
        ),
        pytest.param({"host": "h", **PASSWORD}, {}, {}, "Secret 'login' has no key 'password'", id="no-password"),
        pytest.param(
            {"host": "h", **PASSWORD, "username": "a"}, {}, {"password": ""},
            "is empty, but there is a user name", id="user-without-a-password",
        ),
    ],
)  # fmt: skip
def test_unusable_part_is_named_and_never_shown(
    fields: Object, config: Object, login: Any, sentence: str
) -> None:
    with pytest.raises(AddressError, match=sentence) as refusal:
        target_in(sources(config, **login), external(scheme="redis", **fields), "shop")
    assert refusal.value.reason in (BrokerReason.INVALID_URL, BrokerReason.SECRET_MISSING)
    assert "hunter2" not in str(refusal.value)


def test_rabbitmq_with_an_empty_user_is_not_guest() -> None:
    with pytest.raises(
        AddressError, match="'user' of Secret 'login' is empty, but RabbitMQ requires a user name"
    ):
        target_in(
            sources(user="", password="x"), external(scheme="amqp", host="mq", **USER, **PASSWORD), "shop"
        )


def test_renewed_login_changes_nothing_that_workers_start_with_and_another_host_does() -> None:
    described = external(scheme="redis", **HOST, **USER, **PASSWORD)

    def seen(host: str, version: str, password: str) -> tuple[Any, Any]:
        found = sources({"host": host}, version, user="app", password=password)
        target = target_in(found, described, "shop")
        return versions_of(described, found.secrets, target), followed_target(described, target)

    first = seen("cache", "1", "one")
    assert seen("cache", "2", "two") == first
    assert first[0] == {ADDRESS: "cache:6379/0"}
    assert seen("other", "1", "one")[0] == {ADDRESS: "other:6379/0"}
