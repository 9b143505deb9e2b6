"""The command line: `taskfleet operator` and `taskfleet crds`, and the user's verbs as `kubectl taskfleet`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from taskfleet import __version__
from taskfleet.config import Settings


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

    upgrade = verbs.add_parser("upgrade", help="let a pool's workers be replaced by this operator version's")
    upgrade.add_argument("pool", metavar="wp/NAME", type=_pool_name)
    upgrade.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")
    upgrade.set_defaults(run=_upgrade)
    return parser


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


def _upgrade(arguments: argparse.Namespace) -> int:
    from taskfleet import verbs  # noqa: PLC0415 - as above

    return asyncio.run(verbs.upgrade(arguments.pool, namespace=arguments.namespace))
