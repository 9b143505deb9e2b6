"""What users ask of the operator by `kubectl taskfleet`. Each verb writes a token that the operator answers in status."""

import secrets
import sys

from kubernetes.aio import config

from taskfleet.api import Key
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway, connect
from taskfleet.resources.hashing import UPGRADE_ANNOTATION


async def upgrade(pool: str, *, namespace: str | None) -> int:
    """Let the operator rebuild a pool's pod template; 0 when it was asked to."""
    namespace = namespace or _context_namespace()
    api = await connect()
    try:
        gateway = Gateway(api, may_write=lambda: True)
        annotations = {UPGRADE_ANNOTATION: secrets.token_hex(4)}
        await gateway.patch(Key("WorkerPool", namespace, pool), {"metadata": {"annotations": annotations}})
    except ApiError as error:
        sys.stderr.write(f"WorkerPool {pool!r} in namespace {namespace!r}: {error.message}\n")
        return 1
    finally:
        await api.close()
    sys.stdout.write(
        f"workerpool/{pool}: its pods are replaced in turn where they differ. Watch: kubectl -n {namespace} get wp {pool} -w\n"
    )
    return 0


def _context_namespace() -> str:
    _, active = config.list_kube_config_contexts()
    return str(active["context"].get("namespace", "default"))
