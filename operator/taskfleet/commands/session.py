"""The cluster that a verb is about, as kubectl would find it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from kubernetes.aio import config

from taskfleet.kube.gateway import Gateway, connect


@asynccontextmanager
async def connected() -> AsyncIterator[Gateway]:
    """The API server of the kubeconfig's context."""
    with _readable_kubeconfig():
        api = await connect()
    try:
        yield Gateway(api, may_write=lambda: True)
    finally:
        await api.close()


def context_namespace() -> str:
    """The namespace of the kubeconfig's context."""
    with _readable_kubeconfig():
        _, active = config.list_kube_config_contexts()
    return str(active["context"].get("namespace", "default"))


@contextmanager
def _readable_kubeconfig() -> Iterator[None]:
    try:
        yield
    except config.ConfigException as error:
        said = str(error).rstrip(".")
        raise SystemExit(f"{said}. Set KUBECONFIG to a file with a current context.") from None
