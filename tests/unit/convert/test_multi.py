"""`celery multi`, node by node, as celery.apps.multi has it."""

import pytest

from taskfleet.convert.command_line import Invocation, find_celery
from taskfleet.convert.multi import multi_nodes


def nodes(line: str) -> dict[str, dict[str, str | None]]:
    """The options of each node by its name."""
    (found,) = find_celery(line.split(), {})
    assert isinstance(found, Invocation)
    return {
        name: {option.name: option.value for option in group.invocation.options}
        for group in multi_nodes(found)
        for name in group.names
    }


def test_options_for_a_node_are_by_name_number_or_range() -> None:
    found = nodes("celery -A shop multi start a b c d -c 2 -c:a 8 -Q:2-3 mails,images --time-limit:4=60")
    assert found["a"] == {"--app": "shop", "--concurrency": "8"}
    assert found["b"] == {"--app": "shop", "--concurrency": "2", "--queues": "mails,images"}
    assert found["c"] == found["b"]
    assert found["d"] == {"--app": "shop", "--concurrency": "2", "--time-limit": "60"}


def test_a_number_is_so_many_nodes() -> None:
    assert list(nodes("celery multi start 3 -A shop")) == ["celery1", "celery2", "celery3"]


def test_nodes_with_equal_options_are_one_group() -> None:
    (found,) = find_celery(["celery", "multi", "start", "a", "b", "-A", "shop", "-c", "4"], {})
    assert isinstance(found, Invocation)
    assert [group.names for group in multi_nodes(found)] == [("a", "b")]


@pytest.mark.parametrize("verb", ["stop", "stopwait", "kill"])
def test_other_verbs_start_nothing(verb: str) -> None:
    assert nodes(f"celery multi {verb} a b") == {}
