"""A command as all of ours are: with examples in its help, and a function that returns the exit code."""

from collections.abc import Coroutine, Sequence
from typing import Any

import click


class Command(click.Command):
    """`{program}` in an example is the name by which the program was called."""

    def __init__(self, *arguments: Any, examples: Sequence[str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = tuple(examples)

    def invoke(self, ctx: click.Context) -> Any:
        ctx.exit(super().invoke(ctx))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        name = ctx.find_root().info_name or "taskfleet"
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example.replace('{program}', name)}\n")


def run(command: Coroutine[Any, Any, int]) -> int:
    """Run what needs a cluster; its exit code."""
    import asyncio  # noqa: PLC0415 - help and completion do without

    return asyncio.run(command)


def run_watch(command: Coroutine[Any, Any, int]) -> int:
    """Run what only Ctrl-C ends; its exit code, which is 0 then."""
    try:
        return run(command)
    except KeyboardInterrupt:
        return 0
