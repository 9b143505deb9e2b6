"""Choices for the shell that come from a cluster. Where it does not answer there are none, and no message either."""

from collections.abc import Callable
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from taskfleet.commands.flags import ClusterFlags

Choices = Callable[[click.Context, click.Parameter, str], list[str]]
Ask = Callable[["ClusterFlags", str], list[str]]

# ruff: noqa: PLC0415 - the functions import what takes long, so that the completion of options stays fast


def objects(kind: str) -> Choices:
    """Of the objects of a kind in the namespace of the words before."""

    def ask(flags: "ClusterFlags", begun: str) -> list[str]:
        from taskfleet.commands.complete import object_choices

        return object_choices(flags, kind, begun)

    return partial(_choices, ask)


def namespaces(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    def ask(flags: "ClusterFlags", begun: str) -> list[str]:
        from taskfleet.commands.complete import namespace_choices

        return namespace_choices(flags, begun)

    return _choices(ask, context, parameter, begun)


def contexts(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    def ask(flags: "ClusterFlags", begun: str) -> list[str]:
        from taskfleet.commands.complete import context_choices

        return context_choices(flags, begun)

    return _choices(ask, context, parameter, begun)


def _choices(ask: Ask, context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    from taskfleet.commands.flags import ClusterFlags

    given = context.params
    flags = ClusterFlags(given.get("kubeconfig"), given.get("context"), given.get("namespace"))
    try:
        # A message of any kind would end up in the line that is being typed.
        with redirect_stderr(StringIO()):
            return ask(flags, begun)
    except (Exception, SystemExit):  # SystemExit: there is no usable kubeconfig
        return []
