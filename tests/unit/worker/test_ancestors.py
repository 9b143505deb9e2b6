"""Which processes stand between the container and the worker."""

import pytest

from taskfleet_worker.start.ancestors import ancestors, signals_all, unreached


def processes(*names: str, first: str = "sh\0-c\0exec\0python\0/taskfleet/run.py") -> dict[str, str]:
    """A /proc with a chain of processes, the container's first one first; the last is the worker."""
    files = {"/proc/1/cmdline": first}
    for pid, name in enumerate(names, start=1):
        files[f"/proc/{pid}/stat"] = f"{pid} ({name}) S {pid - 1} 1 1"
        files[f"/proc/{pid}/comm"] = f"{name}\n"
    return files


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["python"], [], id="first-itself"),
        pytest.param(["sh", "python"], ["sh"], id="a-shell-that-waits"),
        pytest.param(["tini", "bash", "python"], ["bash", "tini"], id="behind-an-init"),
    ],
)
def test_the_processes_above_the_worker(names: list[str], expected: list[str]) -> None:
    files = processes(*names)
    assert ancestors(lambda path: files.get(path, ""), pid=len(names)) == expected


def test_processes_of_a_pod_that_share_a_namespace_are_none_of_ours() -> None:
    files = processes("pause", "python", first="/pause")
    assert ancestors(lambda path: files.get(path, ""), pid=2) == []


@pytest.mark.parametrize(
    ("names", "stops"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param(["tini"], None, id="tini"),
        pytest.param(["dumb-init"], None, id="dumb-init"),
        pytest.param(["sh"], "sh", id="shell"),
        pytest.param(["entrypoint.sh", "tini"], "entrypoint.sh", id="script-behind-an-init"),
    ],
)
def test_what_keeps_a_signal_from_the_worker_is_named(names: list[str], stops: str | None) -> None:
    said = unreached(names)
    assert (
        (said is None)
        if stops is None
        else (said or "").startswith(
            f"SIGTERM may not reach the worker, because {stops!r} runs between it and the container"
        )
    )


def test_only_dumb_init_signals_the_whole_group() -> None:
    assert signals_all(["dumb-init"])
    assert not signals_all(["tini"])
