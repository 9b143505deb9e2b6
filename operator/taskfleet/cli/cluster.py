"""Commands on a cluster: `status`, `doctor`, `upgrade`, `failed`, `dead`, `explain`, `trigger`, `purge`, `ui`."""

from functools import partial
from typing import TYPE_CHECKING

import click

from taskfleet.cli.command import Command, run, run_watch
from taskfleet.cli.failed import failed
from taskfleet.cli.options import (
    cluster_options,
    data_only,
    form_option,
    lease_options,
    list_form_option,
    object_argument,
    watch_option,
)

if TYPE_CHECKING:
    from taskfleet.api import Key
    from taskfleet.commands.flags import ClusterFlags
    from taskfleet.commands.output import Form, ListForm

# ruff: noqa: PLC0415 - the functions import what takes long, so that help and completion stay fast


@click.command(
    cls=Command,
    examples=[
        "{program} status          # pools, queues, schedules and brokers; what asks for attention first",
        "{program} status -A -w    # of all namespaces, live until Ctrl-C",
        "{program} status wp/mail  # one pool: figures, conditions, last decisions",
    ],
)
@object_argument("WorkerPool", "wp", required=False)
@click.option("-A", "--all-namespaces", is_flag=True, help="Without wp/NAME: show all namespaces.")
@click.option("-l", "--selector", default="", help="Without wp/NAME: show only objects with these labels.")
@list_form_option
@watch_option
@cluster_options
def status(
    *,
    name: str | None,
    all_namespaces: bool,
    selector: str,
    watch: bool,
    form: "ListForm | None",
    flags: "ClusterFlags",
) -> int:
    """Show a fleet on one screen, or one pool."""
    from taskfleet.commands import status
    from taskfleet.commands.session import context_namespace, on_cluster, on_object
    from taskfleet.commands.watching import repeated

    if name is not None:
        if all_namespaces or selector:
            raise click.UsageError("--all-namespaces and --selector show a fleet: leave out wp/NAME.")
        pool = partial(status.pool, form=data_only(form))
        if watch:
            return run_watch(on_object(flags, "WorkerPool", name, repeated(pool)))
        return run(on_object(flags, "WorkerPool", name, pool))
    namespace = None if all_namespaces else flags.namespace or context_namespace(flags)
    where = "the cluster" if namespace is None else f"namespace {namespace!r}"
    fleet = partial(status.fleet, namespace=namespace, selector=selector, form=form)
    return (
        run_watch(on_cluster(flags, where, repeated(fleet)))
        if watch
        else run(on_cluster(flags, where, fleet))
    )


@click.command(
    cls=Command,
    examples=[
        "{program} doctor -n shop  # of one namespace",
        "{program} doctor -A       # of all namespaces",
    ],
)
@click.option("-A", "--all-namespaces", is_flag=True, help="Check the objects of all namespaces.")
@form_option
@cluster_options
@lease_options
def doctor(*, all_namespaces: bool, form: "Form | None", flags: "ClusterFlags", lease: "Key") -> int:
    """Check the installation and its objects, with a cure for each problem."""
    from taskfleet.commands import doctor
    from taskfleet.commands.session import context_namespace, on_cluster

    namespace = None if all_namespaces else flags.namespace or context_namespace(flags)
    command = partial(doctor.doctor, lease=lease, namespace=namespace, form=form)
    return run(on_cluster(flags, "the installation", command))


@click.command(cls=Command, examples=["{program} upgrade wp/mail", "{program} upgrade wp/mail -n shop"])
@object_argument("WorkerPool", "wp")
@cluster_options
def upgrade(name: str, flags: "ClusterFlags") -> int:
    """Replace a pool's pods with those of this operator version.

    Pods are replaced in a rolling update, only if they are outdated.
    """
    from taskfleet.commands import upgrade
    from taskfleet.commands.session import on_object

    return run(on_object(flags, "WorkerPool", name, upgrade.upgrade))


@click.command(
    cls=Command,
    examples=[
        "{program} dead wp/reports                  # list the dead letters of a pool",
        "{program} dead wp/reports --requeue        # requeue all of them",
        "{program} dead wp/reports --requeue ID ID  # requeue these",
        "{program} dead wp/reports --forget ID      # remove this one; without ids all of them",
        "{program} dead -A                          # list the pools that have dead letters",
    ],
)
@object_argument("WorkerPool", "wp", required=False)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--requeue", is_flag=True, help="Requeue all dead letters, or those with these ids.")
@click.option("--forget", is_flag=True, help="Remove all dead letters, or those with these ids.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Without wp/NAME: list pools of all namespaces.")
@click.option("-l", "--selector", default="", help="Without wp/NAME: list only pools with these labels.")
@list_form_option
@cluster_options
@lease_options
def dead(
    *,
    name: str | None,
    ids: tuple[str, ...],
    requeue: bool,
    forget: bool,
    all_namespaces: bool,
    selector: str,
    form: "ListForm | None",
    flags: "ClusterFlags",
    lease: "Key",
) -> int:
    """List the dead letters of a pool, requeue or remove them. Without wp/NAME: list the pools that have any."""
    from taskfleet.commands import dead
    from taskfleet.commands.session import context_namespace, on_cluster, on_object

    if requeue and forget:
        raise click.UsageError("--requeue and --forget cannot both be set.")
    if name is None:
        if requeue or forget:
            raise click.UsageError("--requeue and --forget require wp/NAME.")
        namespace = None if all_namespaces else flags.namespace or context_namespace(flags)
        where = "WorkerPools" if namespace is None else f"WorkerPools in namespace {namespace!r}"
        pools = partial(dead.list_pools, namespace=namespace, selector=selector, form=form)
        return run(on_cluster(flags, where, pools))
    if all_namespaces or selector:
        raise click.UsageError("--all-namespaces and --selector list pools: leave out wp/NAME.")
    if not (requeue or forget):
        if ids:
            raise click.UsageError("ids are only for --requeue and --forget.")
        return run(on_object(flags, "WorkerPool", name, partial(dead.list_messages, lease=lease, form=form)))
    act = dead.requeue if requeue else dead.forget
    return run(on_object(flags, "WorkerPool", name, partial(act, ids=ids, form=data_only(form))))


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
    return run(on_object(flags, "WorkerPool", name, command))


@click.command(
    cls=Command,
    examples=[
        "{program} trigger psched/daily-report",
        "{program} trigger psched/daily-report -n shop -o json",
    ],
)
@object_argument("PeriodicSchedule", "psched")
@form_option
@cluster_options
def trigger(name: str, form: "Form | None", flags: "ClusterFlags") -> int:
    """Run a PeriodicSchedule once, now. Prints the task id."""
    from taskfleet.commands import trigger
    from taskfleet.commands.session import on_object

    return run(on_object(flags, "PeriodicSchedule", name, partial(trigger.trigger, form=form)))


@click.command(cls=Command, examples=["{program} purge tq/emails", "{program} purge tq/emails --force"])
@object_argument("TaskQueue", "tq")
@click.option("--force", is_flag=True, help="Purge even if workers consume the queue.")
@form_option
@cluster_options
def purge(*, name: str, force: bool, form: "Form | None", flags: "ClusterFlags") -> int:
    """Remove the messages that wait in the queue of a TaskQueue."""
    from taskfleet.commands import purge
    from taskfleet.commands.session import on_object

    return run(on_object(flags, "TaskQueue", name, partial(purge.purge, force=force, form=form)))


@click.command(
    cls=Command,
    examples=[
        "{program} ui                      # all namespaces, else that of the kubeconfig's context",
        "{program} ui -n shop --port 8400  # one namespace; links to the page stay valid",
    ],
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; default: a free one."
)
@cluster_options
@lease_options
def ui(*, port: int, flags: "ClusterFlags", lease: "Key") -> int:
    """Show a fleet in the browser, with your own permissions.

    Connects through a child `kubectl proxy`, until Ctrl-C. Nothing is installed in the cluster.
    """
    from taskfleet.ui.command import ui

    return run(ui(flags, lease=lease, port=port))


COMMANDS = (status, doctor, upgrade, failed, dead, explain, trigger, purge, ui)
