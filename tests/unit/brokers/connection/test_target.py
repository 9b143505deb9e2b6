"""Where a URL leads: what Celery makes of the same URL."""

import pytest

from taskfleet.brokers.connection.target import Sentinels, Target, Tls, target_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("redis://h", Target((("h", 6379),)), id="least"),
        pytest.param("rediss://h/2", Target((("h", 6379),), 2), id="tls"),
        pytest.param("redis://u:p%40@h:7/3", Target((("h", 7),), 3, "u", "p@"), id="everything"),
        pytest.param(
            "redis://:%3A%2F%3B%25%2B%20@h", Target((("h", 6379),), 0, None, ":/;%+ "), id="special"
        ),
        pytest.param("redis://:a+b@h", Target((("h", 6379),), 0, None, "a+b"), id="plus-is-itself"),
        pytest.param("redis://[::1]:7", Target((("::1", 7),)), id="ipv6"),
        pytest.param(
            "sentinel://:p@a:1/4;sentinel://:p@b/4",
            Target((("a", 1), ("b", 26379)), 4, None, "p"),
            id="sentinels",
        ),
        pytest.param("amqp://u:p@h", Target((("h", 5672),), 0, "u", "p", vhost="/"), id="amqp-default-vhost"),
        pytest.param("amqp://h//", Target((("h", 5672),), vhost="/"), id="amqp-vhost-slash"),
        pytest.param("amqp://h/%2F", Target((("h", 5672),), vhost="/"), id="amqp-vhost-slash-encoded"),
        pytest.param("amqps://h/a%20b/c", Target((("h", 5671),), vhost="a b/c"), id="amqp-vhost-by-name"),
    ],
)
def test_target(url: str, expected: Target) -> None:
    assert target_of(url) == expected


def test_endpoint_names_every_server_and_no_secret() -> None:
    target = target_of("sentinel://u:hunter2@a:1;sentinel://u:hunter2@[::1]:2")
    assert target.endpoint == "a:1, [::1]:2"


def test_no_secret_is_in_what_python_shows_of_a_target() -> None:
    tls = Tls(certificate="public", key="hunter2-key")
    target = target_of("rediss://u:hunter2@h", tls=tls, sentinels=Sentinels("m", "hunter2-sentinel"))
    assert "hunter2" not in repr(target)
