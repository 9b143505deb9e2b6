"""Celery behind whatever starts it."""

import pytest

from taskfleet.convert.command_line import Invocation, Opaque, find_celery, launcher_words

SHELL = ("sh", "-c")


def only(*argv: str, **variables: str) -> Invocation:
    """The one start of Celery in a command."""
    (found,) = find_celery(argv, variables)
    assert isinstance(found, Invocation)
    return found


def told(start: Invocation) -> list[str]:
    return [str(option) for option in start.options]


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param("celery -A shop worker -Q a", id="plain"),
        pytest.param("celery worker -A shop -Q a", id="order-of-celery-4"),
        pytest.param("celery --app=shop --queues=a worker", id="options-before-the-word"),
        pytest.param("python -m celery -A shop worker -Q a", id="module"),
        pytest.param("/srv/venv/bin/celery -A shop worker -Qa", id="virtual-environment"),
        pytest.param(
            "opentelemetry-instrument --traces_exporter none celery -A shop worker -Q a", id="wrapper"
        ),
        pytest.param("newrelic-admin run-program celery -A shop worker -Q a", id="wrapper-of-two-words"),
        pytest.param("/entrypoint.sh celery -A shop worker -Q a", id="entrypoint"),
        pytest.param("gosu celery celery -A shop worker -Q a", id="a-user-called-celery"),
        pytest.param("tini -- celery -A shop worker -Q a", id="init"),
        pytest.param("watchmedo auto-restart --directory=./ -- celery -A shop worker -Q a", id="restarter"),
        pytest.param("env TZ=UTC celery -A shop worker -Q a", id="env"),
    ],
)
def test_worker_is_found_with_its_app_and_queue(argv: str) -> None:
    start = only(*argv.split())
    assert (start.command, start.value("--app"), start.value("--queues")) == ("worker", "shop", "a")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("celery -A shop worker -Q a", id="alone"),
        pytest.param("exec celery -A shop worker -Q a", id="exec"),
        pytest.param("cd /srv && exec celery -A shop worker -Q a", id="after-cd"),
        pytest.param(". /env.sh; celery -A shop worker -Q a", id="after-a-sourced-file"),
        pytest.param(
            "if wait-for db; then\n  celery -A shop worker \\\n    -Q a\nfi", id="guarded-and-continued"
        ),
        pytest.param("export QUEUE=a\n# the worker\ncelery -A shop worker -Q $QUEUE", id="its-own-variable"),
        pytest.param(
            "celery -A shop worker -Q ${QUEUE:-a} > /dev/null 2>&1", id="a-default-and-redirections"
        ),
        pytest.param("celery -A shop worker $OPTIONS", id="a-variable-of-several-words"),
        pytest.param("TZ=UTC celery -A shop worker -Q a", id="a-variable-before-it"),
    ],
)
@pytest.mark.parametrize("shell", [("sh", "-c"), ("/bin/bash", "-lc"), ("bash", "-e", "-c")], ids=" ".join)
def test_worker_is_found_in_a_script(shell: tuple[str, ...], script: str) -> None:
    start = only(*shell, script, OPTIONS="-Q a")
    assert (start.command, start.value("--app"), start.value("--queues")) == ("worker", "shop", "a")


def test_what_a_script_does_before_is_kept() -> None:
    start = only(
        "sh", "-c", "export A=1; cd /srv; ./migrate --wait && exec ddtrace-run celery -A shop worker"
    )
    assert start.before == (("./migrate", "--wait"),)
    assert start.directory == "/srv"
    assert start.variables == {"A": "1"}
    script = './migrate --wait && exec "$0" "$@"'
    assert launcher_words(start) == ["sh", "-c", script, "ddtrace-run"]


def test_words_after_a_script_are_its_arguments() -> None:
    start = only("sh", "-c", 'exec celery -A shop "$@"', "start", "worker", "-Q", "a b")
    assert start.value("--queues") == "a b"


def test_worker_and_beat_of_one_script_are_two_starts() -> None:
    found = find_celery([*SHELL, "celery -A shop beat & celery -A shop worker"], {})
    assert [one.command for one in found if isinstance(one, Invocation)] == ["beat", "worker"]


def test_what_a_script_starts_beside_the_worker_is_kept() -> None:
    assert only(*SHELL, "celery -A shop worker & gunicorn shop & wait").after == (("gunicorn", "shop"),)


def test_interpreter_is_that_of_the_virtual_environment() -> None:
    assert only("/srv/venv/bin/celery", "-A", "shop", "worker").python == "/srv/venv/bin/python"
    assert only("python3.12", "-m", "celery", "-A", "shop", "worker").python == "python3.12"
    assert only("celery", "-A", "shop", "worker").python is None


def test_an_app_may_be_called_worker() -> None:
    start = only("celery", "-A", "worker", "worker", "-c", "2")
    assert (start.value("--app"), start.value("--concurrency")) == ("worker", "2")


def test_kubernetes_variables_are_filled_in() -> None:
    assert only("celery", "-A", "$(APP)", "worker", APP="shop").value("--app") == "shop"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        pytest.param("-Ec4", ["--task-events", "--concurrency=4"], id="a-switch-and-a-value-in-one-word"),
        pytest.param("--maxtasksperchild 5", ["--max-tasks-per-child=5"], id="an-old-spelling"),
        pytest.param("-Ofair -B", ["--optimization=fair", "--beat"], id="optimization"),
        pytest.param("--our-flag --other x", ["--our-flag", "--other=x"], id="options-of-the-app"),
        pytest.param("--pidfile= -n w@%h", ["--pidfile=", "--hostname=w@%h"], id="an-empty-value"),
    ],
)
def test_options_are_read_as_celery_reads_them(words: str, options: list[str]) -> None:
    assert told(only("celery", "-A", "shop", "worker", *words.split())) == ["--app=shop", *options]


@pytest.mark.parametrize(
    "command",
    [
        "airflow celery worker",
        "sentry run worker -c 4",
        "python manage.py celery worker",
        "./manage.py cms celery worker --exclude-queues=x",
        "superset worker",
        "/start-celeryworker",
        "./scripts/celery-entrypoint.sh",
    ],
)
def test_what_a_project_starts_by_itself_is_named(command: str) -> None:
    (found,) = find_celery(command.split(), {})
    assert isinstance(found, Opaque)
    assert " ".join(found.words) in command


@pytest.mark.parametrize(
    "command", ["uvicorn web:app", "python manage.py migrate", "redis-server --appendonly yes"]
)
def test_other_programs_are_no_celery(command: str) -> None:
    assert find_celery(command.split(), {}) == []


def test_quotes_that_do_not_close_are_named() -> None:
    (found,) = find_celery([*SHELL, "celery -A 'shop worker"], {})
    assert isinstance(found, Opaque)
    assert "No closing quotation" in found.reason
