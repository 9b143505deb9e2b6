"""`kubectl taskfleet upgrade`: replace a pool's pods with those of this operator version."""

from taskfleet.api import Key
from taskfleet.commands.output import print_lines
from taskfleet.commands.request import signed
from taskfleet.commands.tokens import upgrade_patch
from taskfleet.kube.gateway import Gateway


async def upgrade(gateway: Gateway, pool: Key) -> int:
    """Let the operator rebuild the pool's pod template. Raises ApiError."""
    await gateway.patch(pool, await signed(gateway, upgrade_patch()))
    print_lines(
        f"workerpool/{pool.name}: outdated pods are replaced in turn. Watch the pool:"
        f" kubectl -n {pool.namespace} get wp {pool.name} -w"
    )
    return 0
