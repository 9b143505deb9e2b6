"""`kubectl taskfleet trigger`: the id of the task that was sent, or why there is none."""

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.annotations import TRIGGER
from taskfleet.cli import main
from taskfleet.commands.trigger import trigger
from taskfleet.kube.errors import ApiError
from tests.envtest.api_calls import ApiCall
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, own

SCHEDULE = Key("PeriodicSchedule", NAMESPACE, "report")


def server(status: Object | None = None) -> ApiServer:
    one = ApiServer()
    one.put(own("PeriodicSchedule", "report", {"task": "t", "interval": "30s"}, status=status))
    return one


async def test_the_task_id_is_printed_when_the_operator_has_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = server({"lastTrigger": {"token": "an older one", "taskId": "other"}})

    def answer(call: ApiCall) -> None:
        if call.verb == "get":
            live = one.objects[SCHEDULE]
            token = live["metadata"]["annotations"][TRIGGER]
            one.put({**live, "status": {"lastTrigger": {"token": token, "taskId": "an-id"}}})

    one.meanwhile = answer
    assert await trigger(one.gateway(), SCHEDULE) == 0
    assert capsys.readouterr().out == "an-id\n"


async def test_a_schedule_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ApiError, match="not found"):
        await trigger(ApiServer().gateway(), SCHEDULE)


@pytest.mark.parametrize("name", ["wp/report", "psched/"])
def test_only_schedules_are_triggered(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["trigger", name])
    assert f"invalid PeriodicSchedule {name!r}: expected psched/NAME" in capsys.readouterr().err
