"""Options and arguments that several commands share, as decorators. What they collect is passed on as one value."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from taskfleet.cli import live_names

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
    choices = live_names.objects(kind)
    return click.argument("name", metavar=metavar, required=required, callback=parse, shell_complete=choices)


def cluster_options(function: Function) -> Function:
    """`flags`: kubectl's flags for a cluster and a namespace."""

    @wraps(function)
    def collected(
        *, namespace: str | None, context: str | None, kubeconfig: str | None, **others: Any
    ) -> Any:
        from taskfleet.commands.flags import ClusterFlags  # noqa: PLC0415 - see cli/__init__

        return function(flags=ClusterFlags(kubeconfig, context, namespace), **others)

    options = (
        click.option(
            "-n",
            "--namespace",
            help="Namespace; default: the one of the kubeconfig's context.",
            shell_complete=live_names.namespaces,
        ),
        click.option(
            "--context",
            help="Context of the kubeconfig; default: its current one.",
            shell_complete=live_names.contexts,
        ),
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


def list_form_option(function: Function) -> Function:
    """`form`: the answer as data, or a list in another form."""
    forms = click.Choice(["table", "wide", "json", "yaml", "name"])
    return click.option("-o", "--output", "form", type=forms, help="Output format.")(function)


def list_options(function: Function) -> Function:
    """`namespace`, `selector` and `flags`: which objects of a cluster are listed. `namespace` None: all of them."""

    @wraps(function)
    def collected(*, flags: Any, all_namespaces: bool, selector: str, **others: Any) -> Any:
        from taskfleet.commands.session import context_namespace  # noqa: PLC0415 - see cli/__init__

        namespace = None if all_namespaces else flags.namespace or context_namespace(flags)
        return function(flags=flags, namespace=namespace, selector=selector, **others)

    options = (
        click.option("-A", "--all-namespaces", is_flag=True, help="List the objects of all namespaces."),
        click.option(
            "-l", "--selector", default="", help="List only objects with these labels, such as team=a."
        ),
    )
    return _all(options, cluster_options(collected))


def watch_option(function: Function) -> Function:
    """`watch`: whether the answer is shown again and again. Raises UsageError for an answer that is no text."""

    @wraps(function)
    def checked(*, watch: bool, form: str | None, **others: Any) -> Any:
        if watch and form in ("json", "yaml", "name"):
            raise click.UsageError(f"--watch shows a screen: leave out -o {form}.")
        return function(watch=watch, form=form, **others)

    option = click.option("-w", "--watch", is_flag=True, help="Show it again every 2 s, until Ctrl-C.")
    return option(checked)


def seconds(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """The value of an option for a duration, in seconds. Raises BadParameter."""
    if value is None:
        return None
    from taskfleet.api import parse_duration  # noqa: PLC0415 - loads all models

    try:
        return parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def data_only(form: str | None) -> Any:
    """The form of what is no list. Raises UsageError."""
    if form in ("table", "wide", "name"):
        raise click.UsageError(f"-o {form} is only for lists: use json or yaml.")
    return form


def _all(options: tuple[Callable[[Function], Function], ...], function: Function) -> Function:
    """The function with all options, in this order in its help."""
    for option in reversed(options):
        function = option(function)
    return function
