"""Every option of every supported Celery has a variable, and each that would do something past a field is refused."""

from pathlib import Path

import pytest

from taskfleet.api.worker_variables import REFUSED_VARIABLES

# Printed by Celery 5.3 to 5.7: `auto_envvar_prefix` and the name of each option of celery, worker and beat.
OPTIONS = (Path(__file__).parent / "option_variables.txt").read_text().split()
# Colors and the version are no matter of a worker. Celery itself or Django reads the others, so they hold as they do
# without Taskfleet.
LEFT = {"CELERY_NO_COLOR", "CELERY_VERSION", "CELERY_RESULT_BACKEND", "CELERY_SKIP_CHECKS"}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_variable_of_an_option_is_refused(name: str) -> None:
    assert (name in REFUSED_VARIABLES) != (name in LEFT)


def test_nothing_else_of_the_app_is_refused() -> None:
    others = {
        *("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "BROKER_URL"),
        *("RESULT_BACKEND", "C_FORCE_ROOT"),
    }
    assert {*OPTIONS} - LEFT | others == REFUSED_VARIABLES.keys()
