"""Commands that list objects of a cluster: `top`, `queues`, `schedules`."""

from functools import partial
from typing import TYPE_CHECKING

import click

from taskfleet.cli.command import Command, run, run_watch
from taskfleet.cli.options import list_form_option, list_options, watch_option

if TYPE_CHECKING:
    from taskfleet.commands.flags import ClusterFlags
    from taskfleet.commands.output import ListForm
    from taskfleet.commands.top import Order
    from taskfleet.commands.watching import Command as Repeatable

# ruff: noqa: PLC0415 - the functions import what takes long, so that help and completion stay fast


@click.command(
    cls=Command,
    examples=[
        "{program} queues -n shop     # the longest first",
        "{program} queues -A -o wide  # of all namespaces, with priorities and messages",
    ],
)
@list_form_option
@watch_option
@list_options
def queues(
    *, namespace: str | None, selector: str, watch: bool, form: "ListForm | None", flags: "ClusterFlags"
) -> int:
    """Show what waits in which queue, and who consumes it."""
    from taskfleet.commands import queues

    command = partial(queues.queues, namespace=namespace, selector=selector, form=form)
    return _list(command, "TaskQueues", namespace=namespace, watch=watch, flags=flags)


@click.command(
    cls=Command,
    examples=[
        "{program} schedules -n shop            # the next to run first",
        "{program} schedules -l team=a -o wide  # with time zones, queues and messages",
    ],
)
@list_form_option
@watch_option
@list_options
def schedules(
    *, namespace: str | None, selector: str, watch: bool, form: "ListForm | None", flags: "ClusterFlags"
) -> int:
    """Show when schedules run next, ran last, and what they missed."""
    from taskfleet.commands import schedules

    command = partial(schedules.schedules, namespace=namespace, selector=selector, form=form)
    return _list(command, "PeriodicSchedules", namespace=namespace, watch=watch, flags=flags)


@click.command(
    cls=Command,
    examples=[
        "{program} top -A                # pools of all namespaces, the most waiting messages first",
        "{program} top --sort-by memory  # the largest use of memory first",
        "{program} top --watch           # live, until Ctrl-C",
    ],
)
@click.option(
    "--sort-by",
    "order",
    type=click.Choice(["waiting", "in-flight", "busy", "pods", "cpu", "memory", "name"]),
    default="waiting",
    show_default=True,
    help="What comes first.",
)
@list_form_option
@watch_option
@list_options
def top(
    *,
    namespace: str | None,
    selector: str,
    order: "Order",
    watch: bool,
    form: "ListForm | None",
    flags: "ClusterFlags",
) -> int:
    """Show pools by load, with the CPU and memory that their pods use."""
    from taskfleet.commands import top

    command = partial(top.top, namespace=namespace, selector=selector, order=order, form=form)
    return _list(command, "WorkerPools", namespace=namespace, watch=watch, flags=flags)


def _list(
    command: "Repeatable", what: str, *, namespace: str | None, watch: bool, flags: "ClusterFlags"
) -> int:
    from taskfleet.commands.session import on_cluster
    from taskfleet.commands.watching import repeated

    where = what if namespace is None else f"{what} in namespace {namespace!r}"
    if watch:
        return run_watch(on_cluster(flags, where, repeated(command)))
    return run(on_cluster(flags, where, command))


COMMANDS = (top, queues, schedules)
