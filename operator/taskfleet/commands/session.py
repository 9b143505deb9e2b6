"""The cluster and the object that a command is about, as kubectl finds them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from kubernetes.aio import config

from taskfleet.api import Key, Object
from taskfleet.commands.flags import ClusterFlags
from taskfleet.commands.output import print_errors
from taskfleet.commands.request import PendingError
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway, connect


async def on_object(
    flags: ClusterFlags, kind: str, name: str, command: Callable[[Gateway, Key], Awaitable[int]]
) -> int:
    """Run a command about one object. Errors of the API server are printed. The exit code."""
    key = Key(kind, flags.namespace or context_namespace(flags), name)
    where = f"{kind} {key.name!r} in namespace {key.namespace!r}"
    return await on_cluster(flags, where, lambda gateway: command(gateway, key))


async def on_cluster(flags: ClusterFlags, where: str, command: Callable[[Gateway], Awaitable[int]]) -> int:
    """Run a command; `where` begins the line of an error. The exit code."""
    try:
        async with connected(flags) as gateway:
            return await command(gateway)
    except ApiError as error:
        print_errors(f"{where}: {error.message}")
    except PendingError as error:
        print_errors(f"{where}: {error}")
    return 1


async def existing(gateway: Gateway, key: Key) -> Object:
    """The object. Raises ApiError where it does not exist."""
    raw = await gateway.get(key)
    if raw is None:
        raise ApiError(404, "NotFound", "it does not exist. Check the name and the namespace.")
    return raw


@asynccontextmanager
async def connected(flags: ClusterFlags) -> AsyncIterator[Gateway]:
    """The API server of the kubeconfig's context."""
    with _readable_kubeconfig():
        api = await connect(kubeconfig=flags.kubeconfig, context=flags.context)
    try:
        yield Gateway(api, may_write=lambda: True)
    finally:
        await api.close()


def context_namespace(flags: ClusterFlags) -> str:
    """The namespace of the kubeconfig's context."""
    with _readable_kubeconfig():
        contexts, active = config.list_kube_config_contexts(config_file=flags.kubeconfig)
        if flags.context is not None:
            active = next((one for one in contexts if one["name"] == flags.context), None)
            if active is None:
                raise config.ConfigException(f"The kubeconfig has no context {flags.context!r}")
    return str(active["context"].get("namespace", "default"))


@contextmanager
def _readable_kubeconfig() -> Iterator[None]:
    try:
        yield
    except config.ConfigException as error:
        message = str(error).rstrip(".")
        raise SystemExit(
            f"{message}. Set KUBECONFIG or --kubeconfig to a file with a current context, or name one of its contexts"
            " with --context."
        ) from None
