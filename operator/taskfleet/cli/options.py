"""Options and arguments that several commands share, as decorators. What they collect is passed on as one value."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

Function = Callable[..., Any]


def object_argument(kind: str, short_name: str, *, required: bool = True) -> Callable[[Function], Function]:
    """`name`: the object that a command is about, as kubectl takes it."""

    def parse(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
        if value is None or ctx.resilient_parsing:
            return value
        from taskfleet.commands.names import object_name  # noqa: PLC0415 - loads all models

        try:
            return object_name(kind, value)
        except ValueError as error:
            raise click.UsageError(str(error), ctx) from None

    metavar = f"{short_name}/NAME" if required else f"[{short_name}/NAME]"
    return click.argument("name", metavar=metavar, required=required, callback=parse)


def cluster_options(function: Function) -> Function:
    """`flags`: kubectl's flags for a cluster and a namespace."""

    @wraps(function)
    def collected(
        *, namespace: str | None, context: str | None, kubeconfig: str | None, **others: Any
    ) -> Any:
        from taskfleet.commands.session import ClusterFlags  # noqa: PLC0415 - loads the Kubernetes client

        return function(flags=ClusterFlags(kubeconfig, context, namespace), **others)

    options = (
        click.option("-n", "--namespace", help="Namespace; default: the one of the kubeconfig's context."),
        click.option("--context", help="Context of the kubeconfig; default: its current one."),
        click.option(
            "--kubeconfig",
            type=click.Path(dir_okay=False),
            help="Path to a kubeconfig; default: KUBECONFIG, else ~/.kube/config.",
        ),
    )
    return _all(options, collected)


def lease_options(function: Function) -> Function:
    """`lease`: where the operator is; the defaults are those of the chart."""

    @wraps(function)
    def collected(*, lease_namespace: str, lease_name: str, **others: Any) -> Any:
        from taskfleet.api import Key  # noqa: PLC0415 - loads all models

        return function(lease=Key("Lease", lease_namespace, lease_name), **others)

    options = tuple(
        click.option(
            f"--lease-{part}",
            envvar=f"TASKFLEET_LEASE_{part.upper()}",
            default=default,
            show_envvar=True,
            show_default=True,
            help=f"{part.capitalize()} of the operator's Lease.",
        )
        for part, default in (("namespace", "taskfleet-system"), ("name", "taskfleet-operator"))
    )
    return _all(options, collected)


def form_option(function: Function) -> Function:
    """`form`: the answer as data, instead of text."""
    option = click.option(
        "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print the answer as data."
    )
    return option(function)


def _all(options: tuple[Callable[[Function], Function], ...], function: Function) -> Function:
    """The function with all options, in this order in its help."""
    for option in reversed(options):
        function = option(function)
    return function
