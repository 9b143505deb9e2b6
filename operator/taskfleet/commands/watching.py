"""A command's answer as a screen that follows the cluster, until Ctrl-C."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from typing import Protocol, TextIO

from taskfleet.commands.table import harmless
from taskfleet.kube.errors import ApiError

SECONDS = 2.0
# Lines that are too long are cut instead of wrapped, so that the screen has as many rows as lines.
_START, _END = "\x1b[2J\x1b[?7l", "\x1b[?7h"
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"

Command = Callable[..., Awaitable[int]]


class Screen(Protocol):
    """Where answers are shown, one after the other."""

    def show(self, text: str) -> None: ...

    def close(self) -> None: ...


class Terminal:
    """The answer is drawn over the one before, and cut to the terminal's height."""

    def __init__(self, out: TextIO, rows: Callable[[], int]) -> None:
        self._out, self._rows = out, rows
        self._started = False

    def show(self, text: str) -> None:
        if not self._started:
            self._out.write(_START)
            self._started = True
        lines = fitting(text.splitlines(), self._rows())
        self._out.write(_HOME + "\n".join(line + _END_OF_LINE for line in lines) + _END_OF_SCREEN)
        self._out.flush()

    def close(self) -> None:
        if self._started:
            self._out.write(f"{_END}\n")
            self._out.flush()


class Pages:
    """In a file or a pipe: only answers that differ from the one before, with an empty line between them."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._before: str | None = None

    def show(self, text: str) -> None:
        if text != self._before:
            self._out.write(text if self._before is None else f"\n{text}")
            self._out.flush()
        self._before = text

    def close(self) -> None:
        """Nothing is open."""


def fitting(lines: list[str], rows: int) -> list[str]:
    """As many lines as there are rows; the last row tells how many more there are."""
    shown = max(rows - 1, 1)
    return lines if len(lines) <= rows else [*lines[:shown], f"... and {len(lines) - shown} more lines"]


def repeated(command: Command) -> Command:
    """The command, which then prints its answer every two seconds. Errors of the first time end it."""

    async def watching(*arguments: object) -> int:
        out = sys.stdout
        screen = Terminal(out, lambda: shutil.get_terminal_size().lines) if out.isatty() else Pages(out)
        return await watch(partial(command, *arguments), screen, pause=partial(asyncio.sleep, SECONDS))

    return watching


async def watch(
    command: Callable[[], Awaitable[int]], screen: Screen, *, pause: Callable[[], Awaitable[None]]
) -> int:
    """Show what the command prints, until the task is canceled. Raises ApiError of the first time only."""
    text: str | None = None
    try:
        while True:
            try:
                text = await _printed(command)
                screen.show(text)
            except ApiError as error:
                if text is None:
                    raise
                screen.show(f"Not up to date: {harmless(error.message)}\n\n{text}")
            await pause()
    finally:
        screen.close()


async def _printed(command: Callable[[], Awaitable[int]]) -> str:
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        await command()
    return printed.getvalue()
