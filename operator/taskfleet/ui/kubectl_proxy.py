"""A child `kubectl proxy` on a Unix socket: contexts, certificates and logins stay kubectl's."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from taskfleet.api import GROUP, VERSION
from taskfleet.api.questions import CLIENT_ACCOUNT_SUFFIX, PORT
from taskfleet.commands.flags import ClusterFlags

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_ERROR_BYTES = 2000
_NAME = "[-.a-z0-9]+"
# All that the page needs. What is not here cannot be asked for, whatever the server above it does.
_PATHS = (
    rf"^/apis/{GROUP}/{VERSION}/(namespaces/{_NAME}/)?[a-z]+(/{_NAME})?$".replace(".dev", "[.]dev"),
    f"^/api/v1/(namespaces/{_NAME}/)?events$",
    "^/apis/authorization[.]k8s[.]io/v1/selfsubjectaccessreviews$",
    "^/apis/authentication[.]k8s[.]io/v1/selfsubjectreviews$",
    f"^/api/v1/namespaces/{_NAME}/services/{_NAME}:{PORT}/proxy/(history|failed)$",
    f"^/api/v1/namespaces/{_NAME}/serviceaccounts/{_NAME}{CLIENT_ACCOUNT_SUFFIX}/token$",
)


class KubectlError(Exception):
    """kubectl is missing or failed. The text is a sentence for the user."""


@asynccontextmanager
async def kubectl_proxy(flags: ClusterFlags) -> AsyncIterator[Path]:
    """The socket, in a folder that only this user can enter. Raises KubectlError."""
    with tempfile.TemporaryDirectory(prefix="taskfleet-ui-") as folder:
        socket = Path(folder) / "kubectl"
        process = await _kubectl(
            flags, "proxy", f"--unix-socket={socket}", f"--accept-paths={','.join(_PATHS)}"
        )
        try:
            await _serving(process)
            yield socket
        finally:
            await _end(process)


@dataclass(frozen=True)
class Context:
    """The kubeconfig's context. `token` is None where its user has another kind of login."""

    namespace: str
    token: str | None = field(repr=False)


async def context_of(flags: ClusterFlags) -> Context:
    """Raises KubectlError."""
    process = await _kubectl(flags, "config", "view", "--minify", "--raw", "--output=json")
    printed, errors = await process.communicate()
    if process.returncode != 0:
        raise KubectlError(f"`kubectl config view` failed: {_sentence(errors)}")
    config = json.loads(printed)
    context = (config.get("contexts") or [{}])[0].get("context") or {}
    user = (config.get("users") or [{}])[0].get("user") or {}
    return Context(flags.namespace or context.get("namespace") or "default", user.get("token") or None)


async def _kubectl(flags: ClusterFlags, *arguments: str) -> Process:
    if (program := shutil.which("kubectl")) is None:
        raise KubectlError("kubectl is not on the PATH: install it, because the page connects through it.")
    named = {"kubeconfig": flags.kubeconfig, "context": flags.context}
    given = [f"--{name}={value}" for name, value in named.items() if value is not None]
    return await asyncio.create_subprocess_exec(program, *arguments, *given, stdout=PIPE, stderr=PIPE)


async def _serving(process: Process) -> None:
    """Wait for the line that kubectl prints when it listens."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
    except TimeoutError:
        raise KubectlError(f"`kubectl proxy` did not start within {_START_SECONDS:g} s.") from None
    if not line:
        raise KubectlError(f"`kubectl proxy` failed: {_sentence(await process.stderr.read(_ERROR_BYTES))}")


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.communicate(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.communicate()


def _sentence(errors: bytes) -> str:
    return errors[-_ERROR_BYTES:].decode(errors="replace").strip() or "it printed no reason."
