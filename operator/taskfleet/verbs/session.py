"""The cluster that a verb is about, as kubectl would find it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kubernetes.aio import config

from taskfleet.kube.gateway import Gateway, connect


@asynccontextmanager
async def connected() -> AsyncIterator[Gateway]:
    """The API server of the kubeconfig's context."""
    api = await connect()
    try:
        yield Gateway(api, may_write=lambda: True)
    finally:
        await api.close()


def context_namespace() -> str:
    """The namespace of the kubeconfig's context."""
    _, active = config.list_kube_config_contexts()
    return str(active["context"].get("namespace", "default"))
