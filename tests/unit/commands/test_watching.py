"""`--watch`: what a terminal and a pipe get, without time."""

import asyncio
from io import StringIO

import pytest

from taskfleet.commands.output import print_lines
from taskfleet.commands.watching import Pages, Screen, Terminal, fitting, watch
from taskfleet.kube.errors import ApiError

Answer = str | ApiError


class Recorder:
    def __init__(self) -> None:
        self.shown: list[str] = []
        self.closed = False

    def show(self, text: str) -> None:
        self.shown.append(text)

    def close(self) -> None:
        self.closed = True


async def watched(screen: Screen, *answers: Answer) -> None:
    """Ctrl-C comes after the last answer."""
    left = list(answers)

    async def command() -> int:
        answer = left.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        print_lines(answer)
        return 0

    async def pause() -> None:
        if not left:
            raise asyncio.CancelledError

    with pytest.raises((asyncio.CancelledError, ApiError)):
        await watch(command, screen, pause=pause)


LOST = ApiError(0, "Unreachable", "the API server does not answer")


async def test_a_failed_read_keeps_the_last_answer_and_says_so() -> None:
    screen = Recorder()
    await watched(screen, "one", LOST, LOST, "two")
    late = "Not up to date: the API server does not answer\n\none\n"
    assert screen.shown == ["one\n", late, late, "two\n"]
    assert screen.closed


async def test_an_error_of_the_first_read_ends_the_command() -> None:
    screen = Recorder()
    await watched(screen, LOST, "one")
    assert screen.shown == []


async def test_a_pipe_gets_only_answers_that_differ() -> None:
    out = StringIO()
    await watched(Pages(out), "one", "one", "two")
    assert out.getvalue() == "one\n\ntwo\n"


async def test_a_terminal_is_drawn_over_and_wraps_lines_again_at_the_end() -> None:
    out = StringIO()
    await watched(Terminal(out, lambda: 24), "one", "two")
    drawn = "\x1b[H{}\x1b[K\x1b[J"
    assert out.getvalue() == f"\x1b[2J\x1b[?7l{drawn.format('one')}{drawn.format('two')}\x1b[?7h\n"


async def test_a_terminal_is_left_alone_if_the_first_read_fails() -> None:
    out = StringIO()
    await watched(Terminal(out, lambda: 24), LOST)
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        pytest.param(3, ["a", "b", "c"], id="all"),
        pytest.param(2, ["a", "... and 2 more lines"], id="too-many"),
    ],
)
def test_a_screen_says_how_much_does_not_fit(rows: int, shown: list[str]) -> None:
    assert fitting(["a", "b", "c"], rows) == shown
