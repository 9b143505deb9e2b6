"""What the shell can complete from a cluster: names of objects and namespaces, and contexts of the kubeconfig."""

import asyncio

from kubernetes.aio import config

from taskfleet.api import KINDS
from taskfleet.commands.flags import ClusterFlags
from taskfleet.commands.session import connected, context_namespace
from taskfleet.kube.gateway import Gateway

# A shell waits for the answer at each press of the key.
_SECONDS = 2.0


def object_choices(flags: ClusterFlags, kind: str, begun: str) -> list[str]:
    """Objects of a kind, in the form in which the word has been begun: wp/mail, workerpool/mail or mail."""
    info = next(info for info in KINDS if info.kind == kind)
    namespace = flags.namespace or context_namespace(flags)
    return matching(asyncio.run(_names(flags, kind, namespace)), info.short_names[0], begun)


def matching(names: list[str], short_name: str, begun: str) -> list[str]:
    """The choices for a word; names alone only if the word begins one of them."""
    prefix, slash, _ = begun.rpartition("/")
    forms = [f"{prefix}/{name}" for name in names] if slash else [f"{short_name}/{name}" for name in names]
    return [one for one in [*forms, *(names if begun else [])] if one.startswith(begun)]


def namespace_choices(flags: ClusterFlags, begun: str) -> list[str]:
    return [one for one in asyncio.run(_names(flags, "Namespace", None)) if one.startswith(begun)]


def context_choices(flags: ClusterFlags, begun: str) -> list[str]:
    contexts, _ = config.list_kube_config_contexts(config_file=flags.kubeconfig)
    return [name for name in (str(one["name"]) for one in contexts) if name.startswith(begun)]


async def _names(flags: ClusterFlags, kind: str, namespace: str | None) -> list[str]:
    async with asyncio.timeout(_SECONDS), connected(flags) as gateway:
        return await names(gateway, kind, namespace)


async def names(gateway: Gateway, kind: str, namespace: str | None) -> list[str]:
    """The names of all objects of a kind. Raises ApiError."""
    return sorted([one["metadata"]["name"] async for one in gateway.list_metadata(kind, namespace)])
