"""The options of `celery` and of `celery worker` that extraArgs takes."""

import re

import pytest

from taskfleet.api.worker_flags import ARGUMENT_RULES

# Of `celery` itself, before the word worker: Celery 5.3 to 5.7.
OF_CELERY = {
    *("-A", "--app", "-b", "--broker", "--result-backend", "--loader", "--config"),
    *("--workdir", "-C", "--no-color", "-q", "--quiet", "--skip-checks"),
}
TAKEN = {"--workdir", "-C", "--no-color", "-q", "--quiet", "--skip-checks"}


def advice(argument: str) -> str | None:
    """What the first rule says that refuses the argument."""
    for rule in ARGUMENT_RULES:
        pattern = rule.expression.removeprefix("!self.matches('").removesuffix("')")
        if re.search(pattern, argument):
            return rule.message.removeprefix("{self} ")
    return None


@pytest.mark.parametrize("option", sorted(OF_CELERY))
def test_an_option_before_the_word_worker_is_taken_or_refused(option: str) -> None:
    assert (advice(option) is None) == (option in TAKEN)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        pytest.param("-bredis://cache", "is set by a field: remove it, and set brokerRef.", id="broker"),
        pytest.param(
            "--result-backend=rpc://", "is set by a field: remove it, and set resultBackend.", id="results"
        ),
        pytest.param(
            "--config=shop.celeryconfig",
            "replaces how the app is configured: remove it, and configure the app in its module.",
            id="config",
        ),
    ],
)
def test_a_refusal_says_what_to_do_instead(argument: str, said: str) -> None:
    assert advice(argument) == said


def test_an_option_that_only_begins_like_a_refused_one_is_taken() -> None:
    assert advice("--configure-nothing") is None
