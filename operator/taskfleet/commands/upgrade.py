"""`kubectl taskfleet upgrade`: replace a pool's pods with those of this operator version."""

import secrets

from taskfleet.api import Key
from taskfleet.commands.output import print_lines
from taskfleet.kube.gateway import Gateway
from taskfleet.resources.hashing import UPGRADE_ANNOTATION


async def upgrade(gateway: Gateway, pool: Key) -> int:
    """Let the operator rebuild the pool's pod template. Raises ApiError."""
    annotations = {UPGRADE_ANNOTATION: secrets.token_hex(4)}
    await gateway.patch(pool, {"metadata": {"annotations": annotations}})
    print_lines(
        f"workerpool/{pool.name}: outdated pods are replaced in turn. Watch the pool:"
        f" kubectl -n {pool.namespace} get wp {pool.name} -w"
    )
    return 0
