"""The command line: `taskfleet operator`, `crds`, `simulate` and `convert`, and the user's verbs as `kubectl taskfleet`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from taskfleet import __version__
from taskfleet.config import Settings
from taskfleet.convert import options as convert_options
from taskfleet.simulation import options

if TYPE_CHECKING:
    from taskfleet.api import Key


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _parser().parse_args(argv)
    sys.exit(arguments.run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskfleet", description="Celery worker fleets on Kubernetes.")
    parser.add_argument("--version", action="version", version=f"taskfleet {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    operator = verbs.add_parser(
        "operator", help="run the operator", description="Flags win over TASKFLEET_* variables."
    )
    _add_settings(operator)
    operator.set_defaults(run=_operator)

    crds = verbs.add_parser("crds", help="print the CustomResourceDefinitions")
    crds.set_defaults(run=_crds)

    simulation = verbs.add_parser(
        "simulate",
        help="show what a WorkerPool would do under a load, beside KEDA and a fixed fleet",
        description="Runs the operator's own decisions on simulated pods, faster than real time.",
    )
    options.add_options(simulation)
    simulation.set_defaults(run=_simulate)

    conversion = verbs.add_parser(
        "convert",
        help="turn Deployments, compose files or units that run Celery into manifests, with a report",
        description="Reads what runs Celery today and writes WorkerPools, Brokers, TaskQueues and PeriodicSchedules. "
        "The report says what is kept, what changes, what cannot be expressed and what is to be done by hand.",
    )
    convert_options.add_options(conversion)
    conversion.set_defaults(run=_convert)

    upgrade = verbs.add_parser("upgrade", help="let a pool's workers be replaced by this operator version's")
    _add_pool(upgrade)
    upgrade.set_defaults(run=_upgrade)

    dead = verbs.add_parser("dead", help="list the messages of a pool that were set aside, or move them back")
    _add_pool(dead)
    dead.add_argument(
        "--requeue", nargs="*", metavar="ID", help="move all, or those with these ids, back to their queues"
    )
    _add_lease(dead)
    dead.set_defaults(run=_dead)

    explain = verbs.add_parser(
        "explain", help="show the last decisions about a pool's size, with their inputs"
    )
    _add_pool(explain)
    _add_lease(explain)
    explain.set_defaults(run=_explain)

    trigger = verbs.add_parser("trigger", help="send one run of a PeriodicSchedule now; prints the task's id")
    trigger.add_argument("schedule", metavar="psched/NAME", type=_schedule_name)
    _add_namespace(trigger)
    trigger.set_defaults(run=_trigger)

    purge = verbs.add_parser("purge", help="remove what waits in the queue of a TaskQueue")
    purge.add_argument("queue", metavar="tq/NAME", type=_queue_name)
    _add_namespace(purge)
    purge.add_argument("--force", action="store_true", help="also while somebody consumes the queue")
    purge.set_defaults(run=_purge)
    return parser


def _add_pool(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", metavar="wp/NAME", type=_pool_name)
    _add_namespace(parser)


def _add_namespace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")


def _add_lease(parser: argparse.ArgumentParser) -> None:
    """Where the operator is; the defaults are those of the chart."""
    for part, default in (("namespace", "taskfleet-system"), ("name", "taskfleet-operator")):
        variable = f"TASKFLEET_LEASE_{part.upper()}"
        parser.add_argument(
            f"--lease-{part}",
            default=os.environ.get(variable, default),
            help=f"{part} of the operator's Lease; default: {variable}, else {default}",
        )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    for name, field in Settings.model_fields.items():
        if field.validation_alias is not None:
            continue  # told by the downward API only
        if name == "namespaces":
            parser.add_argument(
                "--namespace", dest=name, action="append", help=f"{field.description} Repeatable."
            )
        else:
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                dest=name,
                help=f"{field.description} Default: {field.default}.",
            )


def _pool_name(value: str) -> str:
    kind, _, name = value.rpartition("/")
    if kind not in ("", "wp", "workerpool", "workerpools") or not name:
        raise argparse.ArgumentTypeError(f"{value!r} is no WorkerPool: write wp/NAME")
    return name


def _schedule_name(value: str) -> str:
    kind, _, name = value.rpartition("/")
    if kind not in ("", "psched", "periodicschedule", "periodicschedules") or not name:
        raise argparse.ArgumentTypeError(f"{value!r} is no PeriodicSchedule: write psched/NAME")
    return name


def _queue_name(value: str) -> str:
    kind, _, name = value.rpartition("/")
    if kind not in ("", "tq", "taskqueue", "taskqueues") or not name:
        raise argparse.ArgumentTypeError(f"{value!r} is no TaskQueue: write tq/NAME")
    return name


def _operator(arguments: argparse.Namespace) -> int:
    from taskfleet import app, logging  # noqa: PLC0415 - the user's verbs start without loading the operator

    given = {
        name: value for name in Settings.model_fields if (value := getattr(arguments, name, None)) is not None
    }
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        sys.stderr.write(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}, but it is {first['input']!r}.\n"
        )
        return 2
    logging.configure(form=settings.log_format, level=settings.log_level)
    asyncio.run(app.run(settings))
    return 0


def _crds(_: argparse.Namespace) -> int:
    import yaml  # noqa: PLC0415 - as above

    from taskfleet.api import KINDS  # noqa: PLC0415 - as above
    from taskfleet.crds import crd  # noqa: PLC0415 - as above

    yaml.safe_dump_all([crd(info) for info in KINDS], sys.stdout, sort_keys=False)
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    from taskfleet.simulation import command  # noqa: PLC0415 - as above

    return command.simulate(arguments)


def _convert(arguments: argparse.Namespace) -> int:
    from taskfleet.convert import command  # noqa: PLC0415 - as above

    return command.convert_files(arguments)


def _upgrade(arguments: argparse.Namespace) -> int:
    from taskfleet.commands.upgrade import upgrade  # noqa: PLC0415 - as above

    return asyncio.run(upgrade(arguments.pool, namespace=arguments.namespace))


def _dead(arguments: argparse.Namespace) -> int:
    from taskfleet.commands.dead import dead  # noqa: PLC0415 - as above

    lease, requeue = _lease(arguments), arguments.requeue
    return asyncio.run(dead(arguments.pool, namespace=arguments.namespace, lease=lease, requeue=requeue))


def _explain(arguments: argparse.Namespace) -> int:
    from taskfleet.commands.explain import explain  # noqa: PLC0415 - as above

    return asyncio.run(explain(arguments.pool, namespace=arguments.namespace, lease=_lease(arguments)))


def _lease(arguments: argparse.Namespace) -> "Key":
    from taskfleet.api import Key  # noqa: PLC0415 - as above

    return Key("Lease", arguments.lease_namespace, arguments.lease_name)


def _trigger(arguments: argparse.Namespace) -> int:
    from taskfleet.commands.trigger import trigger  # noqa: PLC0415 - as above

    return asyncio.run(trigger(arguments.schedule, namespace=arguments.namespace))


def _purge(arguments: argparse.Namespace) -> int:
    from taskfleet.commands.purge import purge  # noqa: PLC0415 - as above

    return asyncio.run(purge(arguments.queue, namespace=arguments.namespace, force=arguments.force))
