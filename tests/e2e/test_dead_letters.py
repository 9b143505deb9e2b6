"""Tasks that end whatever runs them: set aside in the end, seen, and moved back when somebody asks for it."""

from pathlib import Path

import yaml

from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.tools.installation import DEPLOYMENT, NAMESPACE
from tests.tools.waiting import wait_for

TRIES = 6  # the first one and five redeliveries


def test_a_poisonous_task_is_set_aside_seen_and_moved_back(
    fleet: Fleet, installed: Operator, tmp_path: Path
) -> None:
    pools = ("child", "container")
    fleet.pool("child", queues=["child"])
    # Several pods, so that none restarts so often that the kubelet makes it wait.
    fleet.pool("container", pool="solo", replicas=3, queues=["container"])
    fleet.wait_until_ready(*pools)
    fleet.send_poison({pool: pool for pool in pools})
    for pool in pools:
        wait_for(lambda pool=pool: fleet.status(pool).get("deadLetters") == 1, 90, what=pool, poll=0.5)  # type: ignore[misc]
    marks = {pool: fleet.marks(pool) for pool in pools}
    ids = {pool: marks[pool].sent[0] for pool in pools}
    assert [marks[pool].started for pool in pools] == [{ids[pool]: TRIES} for pool in pools]

    user = _developer(fleet, tmp_path)
    assert _dead(installed, fleet, "child", kubeconfig=user) == "Dead letters: 1\n"
    _let_read(fleet, "developer")
    for pool in pools:
        _, shown = _dead(installed, fleet, pool, kubeconfig=user).splitlines()
        assert shown.split()[:4] == [pool, ids[pool], "e2e_app.poison", str(TRIES)]

    fleet.cure(*pools)
    for pool, named in (("child", []), ("container", [ids["container"]])):
        moved = _dead(installed, fleet, pool, "--requeue", *named, kubeconfig=user)
        assert moved == "Messages requeued: 1\n"
    for pool in pools:
        assert fleet.wait_until_done(pool, 1).started == {ids[pool]: TRIES + 1}
        assert fleet.status(pool)["lastRequeue"]["messages"] == 1
    assert _dead(installed, fleet, "child", kubeconfig=user) == "No dead letters.\n"


def _dead(
    operator: Operator, fleet: Fleet, pool: str, *arguments: str, kubeconfig: Path | None = None
) -> str:
    place = f"--namespace={fleet.namespace}"
    return operator.taskfleet("dead", f"wp/{pool}", place, *arguments, kubeconfig=kubeconfig)


def _developer(fleet: Fleet, folder: Path) -> Path:
    """The kubeconfig of somebody who may edit what is in the namespace, and nothing else."""
    fleet.kubectl("create", "serviceaccount", "developer")
    account = f"--serviceaccount={fleet.namespace}:developer"
    fleet.kubectl("create", "rolebinding", "developer", "--clusterrole=edit", account)
    config = yaml.safe_load(fleet.kubeconfig.read_text())
    (user,) = config["users"]
    user["user"] = {"token": fleet.kubectl("create", "token", "developer")}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def _let_read(fleet: Fleet, account: str) -> None:
    """As docs/reference/permissions.md says."""
    name, role = f"query-{fleet.namespace}", f"--role={DEPLOYMENT}-query"
    subject = f"--serviceaccount={fleet.namespace}:{account}"
    fleet.kubectl("create", "rolebinding", name, f"--namespace={NAMESPACE}", role, subject)
