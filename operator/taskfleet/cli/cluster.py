"""Commands on a cluster: `upgrade`, `dead`, `explain`, `trigger`, `purge`."""

from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from taskfleet.cli.command import Command
from taskfleet.cli.options import cluster_options, form_option, lease_options, object_argument

if TYPE_CHECKING:
    from taskfleet.api import Key
    from taskfleet.commands.output import Form
    from taskfleet.commands.session import ClusterFlags

# ruff: noqa: PLC0415 - the functions import what takes long, so that help and completion stay fast


@click.command(cls=Command, examples=["{program} upgrade wp/mail", "{program} upgrade wp/mail -n shop"])
@object_argument("WorkerPool", "wp")
@cluster_options
def upgrade(name: str, flags: "ClusterFlags") -> int:
    """Replace a pool's pods with those of this operator version.

    Pods are replaced in a rolling update, only if they are outdated.
    """
    from taskfleet.commands import upgrade
    from taskfleet.commands.session import on_object

    return _run(on_object(flags, "WorkerPool", name, upgrade.upgrade))


@click.command(
    cls=Command,
    examples=[
        "{program} dead wp/reports                  # list the dead letters of a pool",
        "{program} dead wp/reports --requeue        # requeue all of them",
        "{program} dead wp/reports --requeue ID ID  # requeue these",
        "{program} dead -A                          # list the pools that have dead letters",
    ],
)
@object_argument("WorkerPool", "wp", required=False)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--requeue", is_flag=True, help="Requeue all dead letters, or those with these ids.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Without wp/NAME: list pools of all namespaces.")
@form_option
@cluster_options
@lease_options
def dead(
    *,
    name: str | None,
    ids: tuple[str, ...],
    requeue: bool,
    all_namespaces: bool,
    form: "Form | None",
    flags: "ClusterFlags",
    lease: "Key",
) -> int:
    """List the dead letters of a pool, or requeue them. Without wp/NAME: list the pools that have any."""
    from taskfleet.commands import dead
    from taskfleet.commands.session import context_namespace, on_cluster, on_object

    if name is None:
        if requeue:
            raise click.UsageError("--requeue requires wp/NAME.")
        namespace = None if all_namespaces else flags.namespace or context_namespace(flags)
        where = "WorkerPools" if namespace is None else f"WorkerPools in namespace {namespace!r}"
        return _run(on_cluster(flags, where, partial(dead.list_pools, namespace=namespace, form=form)))
    if all_namespaces:
        raise click.UsageError("--all-namespaces lists pools: leave out wp/NAME.")
    if ids and not requeue:
        raise click.UsageError("ids are only for --requeue.")
    command = (
        partial(dead.requeue, ids=ids, form=form)
        if requeue
        else partial(dead.list_messages, lease=lease, form=form)
    )
    return _run(on_object(flags, "WorkerPool", name, command))


@click.command(cls=Command, examples=["{program} explain wp/mail", "{program} explain wp/mail -o json"])
@object_argument("WorkerPool", "wp")
@form_option
@cluster_options
@lease_options
def explain(name: str, form: "Form | None", flags: "ClusterFlags", lease: "Key") -> int:
    """Show the last decisions about a pool's size, with their inputs."""
    from taskfleet.commands import explain
    from taskfleet.commands.session import on_object

    command = partial(explain.explain, lease=lease, form=form)
    return _run(on_object(flags, "WorkerPool", name, command))


@click.command(cls=Command, examples=["{program} trigger psched/daily-report"])
@object_argument("PeriodicSchedule", "psched")
@form_option
@cluster_options
def trigger(name: str, form: "Form | None", flags: "ClusterFlags") -> int:
    """Run a PeriodicSchedule once, now. Prints the task id."""
    from taskfleet.commands import trigger
    from taskfleet.commands.session import on_object

    return _run(on_object(flags, "PeriodicSchedule", name, partial(trigger.trigger, form=form)))


@click.command(cls=Command, examples=["{program} purge tq/emails", "{program} purge tq/emails --force"])
@object_argument("TaskQueue", "tq")
@click.option("--force", is_flag=True, help="Purge even if workers consume the queue.")
@form_option
@cluster_options
def purge(*, name: str, force: bool, form: "Form | None", flags: "ClusterFlags") -> int:
    """Remove the messages that wait in the queue of a TaskQueue."""
    from taskfleet.commands import purge
    from taskfleet.commands.session import on_object

    return _run(on_object(flags, "TaskQueue", name, partial(purge.purge, force=force, form=form)))


def _run(command: Coroutine[Any, Any, int]) -> int:
    import asyncio

    return asyncio.run(command)


COMMANDS = (upgrade, dead, explain, trigger, purge)
