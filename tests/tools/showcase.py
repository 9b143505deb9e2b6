"""What `make demo` and `make example-django` share: a cluster that stays, and commands that may be given again."""

import sys
from collections.abc import Callable, Mapping

from tests.tools.cluster import CATALOGUE, Cluster, ClusterError, cluster
from tests.tools.cluster.progress import step
from tests.tools.installation import IMAGES, install, wait_for_operator


def main(name: str, run: Callable[[Cluster], bool], *, go_on: str) -> int:
    """`run` on the cluster of that name, or its removal when the argument is `down`; the exit code.

    `run` tells whether all was well. `go_on` is told after an error and an interruption.
    """
    try:
        if sys.argv[1:] == ["down"]:
            cluster(name).down()
            return 0
        return 0 if run(cluster(name)) else 1
    except (ClusterError, AssertionError) as error:
        print(f"error: {error}\n{go_on}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ninterrupted. {go_on}", file=sys.stderr)
        return 130


def with_operator(one: Cluster) -> Mapping[str, str]:
    """Bring the cluster up with the operator on it; the references of the product's images."""
    one.up("full")
    images = one.load([CATALOGUE[name] for name in IMAGES])
    with step("installing the operator"):
        install(one.kubeconfig, images)
        wait_for_operator(one.kubeconfig)
    return images
