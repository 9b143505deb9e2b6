"""One call to the API server, answered by an object or an ApiError. Whether it may be made, callers decide."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from taskfleet.api import Object
from taskfleet.kube.errors import ApiError, ConflictError, DeniedError, InvalidError

# With a charset, because the client would encode the body by itself otherwise: see `_as_yaml`.
APPLY = "application/apply-patch+yaml; charset=utf-8"
# How a server-side apply of an object that does not fit its schema is answered, with 500 in place of 422.
_UNKNOWN_SHAPE = ("failed to create typed patch object (", "failed to convert new object (")
# How policies and webhooks refuse, with a code of their own choice.
_DENIAL = re.compile(r"^admission webhook .* denied the request|AdmissionPolicy '.*' denied request")
# What YAML takes in escaped form only (1.1, 5.1 Character Set).
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_READ_SECONDS = 15.0


async def call(api: ApiClient, method: str, path: str, **options: Any) -> Object:
    """The object that the API server answers, with the options of `fetch`. Raises ApiError."""
    answer: Object = json.loads(await fetch(api, method, path, **options))
    return answer


async def fetch(
    api: ApiClient,
    method: str,
    path: str,
    *,
    body: Object | None = None,
    query: Mapping[str, str] | None = None,
    content_type: str = "application/json",
    accept: str = "application/json",
    headers: Mapping[str, str] | None = None,
    seconds: float | None = _READ_SECONDS,
) -> bytes:
    """What the API server answers within `seconds`; None: the caller has a deadline of its own. Raises ApiError."""
    headers = {**(headers or {}), "Accept": accept, "Content-Type": content_type}
    # A service account's token is renewed on disk: the client's hook reads it again when due.
    await api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
    url = api.configuration.host + path + (f"?{urlencode(query)}" if query else "")
    try:
        # Not aiohttp's own timeout: one that passes while the task is cancelled makes it forget that it was.
        async with asyncio.timeout(seconds):
            sent = _as_yaml(body) if content_type == APPLY else body
            response = await api.call_api(method, url, headers, body=sent)
            data = await response.read()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise ApiError(
            0, "Unreachable", f"the API server does not answer ({type(error).__name__})"
        ) from error
    if response.status >= 300:
        raise _error(response.status, data)
    return bytes(data)


def _as_yaml(body: Object | None) -> bytes:
    """JSON that YAML reads as well: it knows no pairs of escapes for characters above U+FFFF, as JSON does."""
    text = json.dumps(body, ensure_ascii=False)
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _error(status: int, data: bytes) -> ApiError:
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    told = answer if isinstance(answer, dict) else {}  # what stands before the API server may answer anything
    reason = told.get("reason") or "Unknown"
    message = told.get("message") or data[:200].decode(errors="replace")
    if message.startswith(_UNKNOWN_SHAPE):
        return InvalidError(status, reason, message.partition("): ")[2] or message)
    kind = {409: ConflictError, 400: InvalidError, 422: InvalidError, 403: DeniedError}.get(status, ApiError)
    if kind is not ConflictError and _DENIAL.search(message):
        kind = DeniedError
    return kind(status, reason, message)
