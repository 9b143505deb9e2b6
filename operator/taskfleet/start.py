"""The first reads of the operator. Where they fail, it ends with a sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from taskfleet.api import Key
from taskfleet.config import Settings
from taskfleet.kube.errors import ApiError, DeniedError
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import OWN_TYPES


@contextmanager
def exit_when_refused() -> Iterator[None]:
    """End with a sentence, not with a traceback, where the API server refuses the first reads."""
    try:
        yield
    except DeniedError as error:
        raise SystemExit(
            f"The operator lacks permissions: {error.message}. Bind its ServiceAccount to the "
            "roles of the chart, which docs/reference/permissions.md lists."
        ) from None
    except ApiError as error:
        raise SystemExit(
            f"The API server does not answer correctly: {error}. Check its address, the network "
            "and the credentials. The operator exits and must be restarted."
        ) from None


async def require_crds(gateway: Gateway, namespaces: Sequence[str]) -> None:
    """Fail with a sentence where a kind is not known to the API server: kopf would only stay silent."""
    for kind in OWN_TYPES:
        if not await gateway.is_served(kind, next(iter(namespaces), None)):
            raise SystemExit(
                f"The CRD of {kind} is not installed. Install the CRDs: `taskfleet crds | kubectl "
                "apply --server-side -f -`."
            )


async def cluster_id(gateway: Gateway, settings: Settings, namespace: str) -> str:
    """The uid of kube-system; a namespaced installation may not read that and takes its own namespace's."""
    name = namespace if settings.namespaces else "kube-system"
    found = await gateway.get(Key("Namespace", "", name))
    if found is None:
        raise SystemExit(f"Namespace {name!r} does not exist.")
    return str(found["metadata"]["uid"])
