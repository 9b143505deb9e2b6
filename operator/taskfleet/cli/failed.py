"""`failed`: its many options, and which of them go together."""

from functools import partial
from typing import TYPE_CHECKING

import click

from taskfleet.cli.command import Command, run
from taskfleet.cli.options import (
    cluster_options,
    data_only,
    lease_options,
    list_form_option,
    object_argument,
    seconds,
)

if TYPE_CHECKING:
    from taskfleet.api import Key
    from taskfleet.commands.flags import ClusterFlags
    from taskfleet.commands.output import ListForm

# ruff: noqa: PLC0415 - the function imports what takes long, so that help and completion stay fast


@click.command(
    cls=Command,
    examples=[
        "{program} failed wp/mail --since 1h                    # list them, the newest first",
        "{program} failed wp/mail --group                       # by task and cause",
        "{program} failed wp/mail --id ID                       # one with its traceback",
        "{program} failed wp/mail --retry --task shop.send      # send them again",
        "{program} failed wp/mail --forget --all                # remove the records",
    ],
)
@object_argument("WorkerPool", "wp")
@click.option("--task", help="Only of the task with this name.")
@click.option("--id", "ids", multiple=True, help="Only the task with this id; repeatable.")
@click.option("--since", callback=seconds, help="List only what failed since, such as 1h or 30m.")
@click.option("--group", is_flag=True, help="List one line for each task and cause.")
@click.option("--retry", is_flag=True, help="Send the tasks again, under the same task ids.")
@click.option("--forget", is_flag=True, help="Remove the records of the tasks.")
@click.option("--all", "everything", is_flag=True, help="With --retry or --forget: all failed tasks.")
@click.option("--force", is_flag=True, help="With --retry: also the members of chords.")
@list_form_option
@cluster_options
@lease_options
def failed(
    *,
    name: str,
    task: str | None,
    ids: tuple[str, ...],
    since: float | None,
    group: bool,
    retry: bool,
    forget: bool,
    everything: bool,
    force: bool,
    form: "ListForm | None",
    flags: "ClusterFlags",
    lease: "Key",
) -> int:
    """List the failed tasks of a pool, send them again, or forget them."""
    from taskfleet.commands import failed
    from taskfleet.commands.session import on_object

    if not (retry or forget):
        if everything or force:
            raise click.UsageError("--all and --force are only for --retry and --forget.")
        shown = failed.Shown(ids, task, since, group, form)
        return run(on_object(flags, "WorkerPool", name, partial(failed.list_tasks, shown=shown, lease=lease)))
    _check_act(
        retry=retry, forget=forget, force=force, listing=group or since is not None,
        choices=sum((bool(ids), task is not None, everything)),
    )  # fmt: skip
    data = data_only(form)
    wanted = failed.Wanted(ids, task)
    if retry:
        command = partial(failed.retry, wanted=wanted, force=force, form=data)
    else:
        command = partial(failed.forget, wanted=wanted, form=data)
    return run(on_object(flags, "WorkerPool", name, command))


def _check_act(*, retry: bool, forget: bool, force: bool, listing: bool, choices: int) -> None:
    """Raises UsageError for options of an act that do not go together."""
    if retry and forget:
        raise click.UsageError("--retry and --forget cannot both be set.")
    if listing:
        raise click.UsageError("--since and --group are only for listing.")
    if force and not retry:
        raise click.UsageError("--force is only for --retry.")
    if choices != 1:
        raise click.UsageError("name the tasks with exactly one of --id, --task and --all.")
