from typing import Any

import pytest

from taskfleet_worker.settings import SettingsError, read_settings
from taskfleet_worker.start.arguments import celery_arguments
from tests.unit.worker.factories import environment

NEWEST = {"--disable-prefetch", "--prefetch-multiplier"}
OLD = {"--prefetch-multiplier"}


@pytest.mark.parametrize(
    ("changes", "understood", "expected"),
    [
        pytest.param(
            {"poolType": "prefork"},
            NEWEST,
            ["--prefetch-multiplier=1", "--disable-prefetch"],
            id="prefork-fetches-nothing",
        ),
        pytest.param(
            {"poolType": "prefork"}, OLD, ["--prefetch-multiplier=1"], id="celery-5.5-lacks-the-flag"
        ),
        pytest.param({"poolType": "threads"}, NEWEST, ["--prefetch-multiplier=1"], id="threads"),
        pytest.param(
            {"poolType": "gevent"}, NEWEST, ["--prefetch-multiplier=2"], id="gevent-would-starve-at-one"
        ),
        pytest.param(
            {"poolType": "eventlet"}, NEWEST, ["--prefetch-multiplier=2"], id="eventlet-would-starve-at-one"
        ),
        pytest.param({"poolType": "solo"}, NEWEST, ["--prefetch-multiplier=1"], id="solo"),
        pytest.param(
            {"poolType": "prefork", "prefetchMultiplier": 8},
            NEWEST,
            ["--prefetch-multiplier=8"],
            id="the-users-own",
        ),
    ],
)
def test_prefetch_follows_pool_and_version(
    changes: dict[str, Any], understood: set[str], expected: list[str]
) -> None:
    arguments = ["worker", "-A", "proj", "--queues=a", "--", "x=y"]
    assert celery_arguments(arguments, read_settings(environment(**changes)), understood) == [
        "-A", "proj", "worker", *expected, "--queues=a", "--", "x=y",
    ]  # fmt: skip


def test_prefetch_that_only_redis_knows_is_not_asked_for_on_amqp() -> None:
    settings = read_settings(environment(poolType="prefork"))
    arguments = celery_arguments(["worker", "-A", "proj"], settings, NEWEST, amqp=True)
    assert arguments[3:] == ["--prefetch-multiplier=1"]


def test_prefork_is_named_by_its_alias_because_an_app_may_set_another_pool() -> None:
    arguments = celery_arguments(
        ["worker", "-A", "proj", "--pool=prefork"], read_settings(environment()), OLD
    )
    assert arguments[-1] == "--pool=processes"


@pytest.mark.parametrize(
    "arguments", [[], ["worker"], ["beat", "-A", "proj"], ["worker", "--pool=solo", "-A"]]
)
def test_other_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SettingsError, match="worker -A <app>"):
        celery_arguments(arguments, read_settings(environment()), OLD)


def test_options_of_celery_itself_come_before_the_word_worker() -> None:
    given = ["worker", "-A", "proj", "-E", "--workdir", "/srv", "--skip-checks", "--workdir=/x", "--umask=7"]
    before = {"--workdir": True, "--skip-checks": False}
    arguments = celery_arguments(given, read_settings(environment()), OLD, before=before)
    assert arguments[:7] == ["-A", "proj", "--workdir", "/srv", "--skip-checks", "--workdir=/x", "worker"]
    assert arguments[-2:] == ["-E", "--umask=7"]
