"""The program `taskfleet` with all of its commands, by the name by which it was called."""

import sys
from collections.abc import Sequence
from pathlib import PurePath

import click

from taskfleet.cli import cluster, lists, logs, offline, operator
from taskfleet.cli.shell_script import COMPLETE_VARIABLE, completion


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="taskfleet", message="taskfleet %(version)s")
def program() -> None:
    """Celery worker fleets on Kubernetes.

    Flags of kubectl (--namespace, --context, --kubeconfig) come after the command.
    """


for command in (
    *cluster.COMMANDS,
    *lists.COMMANDS,
    logs.logs,
    *offline.COMMANDS,
    completion,
    operator.operator,
):
    program.add_command(command)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line, and exit."""
    program(args=argv, prog_name=program_name(sys.argv[0]), complete_var=COMPLETE_VARIABLE)


def program_name(path: str) -> str:
    """The name for usage lines: kubectl calls a plugin by its file."""
    return "kubectl taskfleet" if PurePath(path).stem == "kubectl-taskfleet" else "taskfleet"
