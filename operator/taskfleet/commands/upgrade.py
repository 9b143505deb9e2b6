"""`kubectl taskfleet upgrade`: let a pool's workers be replaced by those of this operator version."""

import secrets

from taskfleet.api import Key
from taskfleet.kube.errors import ApiError
from taskfleet.resources.hashing import UPGRADE_ANNOTATION
from taskfleet.commands.output import complain, say
from taskfleet.commands.session import connected, context_namespace


async def upgrade(pool: str, *, namespace: str | None) -> int:
    """Let the operator rebuild a pool's pod template; 0 when it was asked to."""
    namespace = namespace or context_namespace()
    annotations = {UPGRADE_ANNOTATION: secrets.token_hex(4)}
    try:
        async with connected() as gateway:
            await gateway.patch(
                Key("WorkerPool", namespace, pool), {"metadata": {"annotations": annotations}}
            )
    except ApiError as error:
        complain(f"WorkerPool {pool!r} in namespace {namespace!r}: {error.message}")
        return 1
    say(
        f"workerpool/{pool}: its pods are replaced in turn where they differ. Watch: kubectl -n {namespace} get wp {pool} -w"
    )
    return 0
