"""The command line of test clusters."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

from tests.tools.cluster import existing, images, kind, programs
from tests.tools.cluster.bare import BareCluster
from tests.tools.cluster.provider import Cluster, ProviderName
from tests.tools.cluster.state import ClusterError, read_record, records


def cluster(name: str = "test", provider: ProviderName = "auto") -> Cluster:
    """The cluster of that name. `auto`: existing where the environment names one, kind where a Docker engine
    answers, else bare; a bare cluster that is there already is found in any case."""
    if provider == "existing" or (provider == "auto" and os.environ.get(existing.KUBECONFIG)):
        return existing.ExistingCluster(name)
    if provider == "kind" or (provider == "auto" and not read_record(name) and kind.engine_answers()):
        return kind.KindCluster(name)
    return BareCluster(name)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started for a step, too
    try:
        return int(options.run(options) or 0)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the command again, or `down`.", file=sys.stderr)
        return 130


def _up(options: argparse.Namespace) -> None:
    started = time.monotonic()
    one = cluster(options.name, options.provider)
    one.up(options.profile, options.nodes)
    print(
        f"cluster {one.name} is up after {time.monotonic() - started:.1f} s: export KUBECONFIG={one.kubeconfig}"
    )


def _down(options: argparse.Namespace) -> None:
    cluster(options.name, options.provider).down()


def _status(options: argparse.Namespace) -> int:
    parts = cluster(options.name, options.provider).status()
    others = [f"{record.name} ({record.profile})" for record in records() if record.name != options.name]
    if others:
        print(f"other clusters: {', '.join(others)}")
    if not parts:
        print(f"there is no cluster {options.name}")
    for part in parts:
        print(f"{part.name:28} {'ok' if part.healthy else 'FAILED':8} {part.detail}")
    return 0 if parts and all(part.healthy for part in parts) else 1


def _env(options: argparse.Namespace) -> None:
    one = cluster(options.name, options.provider)
    print(f"export KUBECONFIG={one.kubeconfig}")
    print(f'export PATH="{programs.program("kubectl").parent}:$PATH"')


def _images(options: argparse.Namespace) -> None:
    wanted = [images.find(name) for name in options.images or images.CATALOGUE]
    for name, reference in cluster(options.name, options.provider).load(wanted).items():
        print(f"{name}={reference}")


def _programs(options: argparse.Namespace) -> None:
    for name in options.programs:
        print(programs.program(name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument("--name", default="test", help="the cluster's name (default: test)")
        added.add_argument("--provider", choices=["auto", "existing", "kind", "bare"], default="auto")
        return added

    up = command("up", _up, "start a cluster, or repair one that is broken")
    up.add_argument("--profile", choices=["control-plane", "full"], default="full")
    up.add_argument("--nodes", type=int, choices=[1, 2], default=1)
    command("down", _down, "remove a cluster and every trace of it")
    command("status", _status, "show the parts of a cluster; fails unless all work")
    command("env", _env, "print shell lines that point at a cluster")
    load = command("images", _images, "build images and load them into a cluster; print their references")
    load.add_argument("images", nargs="*", help="names (default: all)")
    build = commands.add_parser("programs", help="build programs and print where they are")
    build.add_argument("programs", nargs="+", help="such as kubectl, helm, kubeconform")
    build.set_defaults(run=_programs)
    return parser
