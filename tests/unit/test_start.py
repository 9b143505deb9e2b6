"""What the operator says when its first reads are refused."""

import pytest

from taskfleet.start import exit_when_refused, require_crds
from tests.tools.api_server import ApiServer


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        pytest.param(
            403,
            'workerpools.taskfleet.dev is forbidden: User "x" cannot list resource "workerpools" in API group "taskfleet.dev"',
            'The operator lacks permissions: workerpools.taskfleet.dev is forbidden: User "x" cannot list resource "workerpools"',
            id="a-right-is-missing",
        ),
        pytest.param(401, "Unauthorized", "The API server does not answer correctly: 401", id="unknown"),
        pytest.param(
            500, "etcdserver: timeout", "The API server does not answer correctly: 500", id="broken"
        ),
    ],
)
async def test_a_refusal_at_the_start_is_a_sentence(status: int, message: str, said: str) -> None:
    server = ApiServer()
    server.refuse("list", "workerpools", status=status, message=message)
    with pytest.raises(SystemExit) as end, exit_when_refused():
        await require_crds(server.gateway(), [])
    assert str(end.value.code).startswith(said)
