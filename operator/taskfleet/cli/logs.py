"""`logs`: its options, and which of them go together."""

from functools import partial
from typing import TYPE_CHECKING

import click

from taskfleet.cli.command import Command, run
from taskfleet.cli.options import cluster_options, object_argument, seconds

if TYPE_CHECKING:
    from taskfleet.commands.flags import ClusterFlags

# ruff: noqa: PLC0415 - the function imports what takes long, so that help and completion stay fast


@click.command(
    cls=Command,
    examples=[
        "{program} logs wp/mail                    # the last 100 lines of each pod, in order of time",
        "{program} logs wp/mail --id ID            # the lines of one task, wherever it ran",
        "{program} logs wp/mail --task shop.send   # the lines of all tasks with this name",
        "{program} logs wp/mail --since 10m --previous",
    ],
)
@object_argument("WorkerPool", "wp")
@click.option("--task", help="Only lines of tasks with this name.")
@click.option("--id", "task_id", help="Only lines of the task with this id.")
@click.option("--since", callback=seconds, help="Only lines since then, such as 1h or 30m.")
@click.option(
    "--tail",
    type=click.IntRange(1, 50_000),
    help="Read this many lines of each pod; default: 100, with --task and --id 50000.",
)
@click.option("--previous", is_flag=True, help="Read the logs of containers before their last restart.")
@cluster_options
def logs(
    *,
    name: str,
    task: str | None,
    task_id: str | None,
    since: float | None,
    tail: int | None,
    previous: bool,
    flags: "ClusterFlags",
) -> int:
    """Print the logs of a pool's pods together, or the lines of a task."""
    if task is not None and task_id is not None:
        raise click.UsageError("--task and --id cannot both be set.")
    from taskfleet.commands import logs
    from taskfleet.commands.log_records import Wanted
    from taskfleet.commands.session import on_object

    read = logs.Read(since, tail, previous)
    return run(
        on_object(flags, "WorkerPool", name, partial(logs.logs, wanted=Wanted(task, task_id), read=read))
    )
