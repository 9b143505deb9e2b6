"""Commands that need no cluster: `crds`, `plan`, `simulate`, `convert`."""

import sys
from pathlib import Path

import click

from taskfleet.cli.command import Command

# ruff: noqa: PLC0415 - the functions import what takes long, so that help and completion stay fast


@click.command(
    cls=Command,
    examples=[
        "{program} crds | kubectl apply --server-side -f -",
        "{program} crds | kubectl diff --server-side -f -",
    ],
)
def crds() -> int:
    """Print the CustomResourceDefinitions."""
    import yaml

    from taskfleet.api import KINDS
    from taskfleet.crds import crd

    yaml.safe_dump_all([crd(info) for info in KINDS], sys.stdout, sort_keys=False)
    return 0


@click.command(
    cls=Command,
    examples=[
        "{program} simulate -f pool.yaml --arrivals burst:400 --service lognormal:20s",
        "{program} simulate -f pool.yaml --arrivals daily:20/s --service constant:2s \\",
        "  --duration 24h --out report.html",
    ],
)
@click.option(
    "-f",
    "--file",
    required=True,
    type=click.Path(path_type=Path, readable=False),
    help="Manifest of a WorkerPool with autoscale.",
)
@click.option(
    "--arrivals",
    required=True,
    help="burst:400, burst:400@30s, poisson:50/s, daily:20/s (zero at midnight, this rate at noon), trace.csv (rows of"
    " seconds,tasks), or several joined by +.",
)
@click.option(
    "--service",
    required=True,
    help="Run time of tasks: constant:2s, exponential:2s, lognormal:2s or lognormal:2s,0.5 (mean, spread).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, readable=False),
    help="Write the report: report.html, or report.svg for its charts alone.",
)
@click.option("--duration", default="10m", show_default=True, help="Simulated time, at most 24h.")
@click.option(
    "--start-time", default="5s", show_default=True, help="Time from a pod's creation to its first fetch."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="A different seed draws a different load."
)
def simulate(
    *, file: Path, arrivals: str, service: str, out: Path | None, duration: str, start_time: str, seed: int
) -> int:
    """Simulate a WorkerPool under a load.

    Runs the operator's own scaling decisions on simulated pods, faster than real time, and compares them with KEDA and
    with a fleet of fixed size.
    """
    from taskfleet.simulation import command

    options = command.Options(file, arrivals, service, duration, start_time, seed)
    return command.simulate(options, out=out)


@click.command(
    cls=Command,
    examples=[
        "helm template shop ./chart | {program} convert --report report.txt > taskfleet.yaml",
        "{program} convert compose.yaml .env",
        "{program} convert -o manifests shop-worker.service /etc/default/celery",
    ],
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(readable=False))
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, readable=False),
    help="Write each manifest to a file in DIR, instead of all to standard output.",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(path_type=Path, readable=False),
    help="Write the report to FILE, instead of to standard error.",
)
def convert(files: tuple[str, ...], out: Path | None, report: Path | None) -> int:
    """Convert a Celery deployment to manifests, with a report.

    FILE is a file of Kubernetes manifests, a compose file, a systemd unit, a supervisor file, a defaults file or a
    command line of celery multi. Without FILE, or with -, standard input is read. The report lists what is kept, what
    changes, what is not supported and what you have to do.
    """
    from taskfleet.convert import command

    return command.convert_files(files, out=out, report=report)


@click.command(
    cls=Command,
    examples=[
        "{program} plan -f workerpool.yaml",
        "{program} plan -f broker.yaml -f workerpool.yaml -n shop | kubectl diff -f -",
    ],
)
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    type=click.Path(readable=False),
    help="Manifests; - is standard input. Repeatable.",
)
@click.option("-n", "--namespace", default="default", show_default=True, help="For manifests that name none.")
def plan(files: tuple[str, ...], namespace: str) -> int:
    """Print the objects that manifests become, for review.

    Needs no cluster. Images and the like come from the same TASKFLEET_* variables as for the operator.
    """
    from taskfleet.config import Settings
    from taskfleet.installation import installation_of
    from taskfleet.plan import command

    installation = installation_of(Settings(), cluster_id="CLUSTER-ID")
    return command.plan_files(files, installation, namespace=namespace)


COMMANDS = (crds, plan, simulate, convert)
