"""The API server as the user, through kubectl's socket. Every answer is bounded."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from taskfleet.api import Object
from taskfleet.api.stored import status_of
from taskfleet.kube.errors import ApiError

_MERGE = "application/merge-patch+json"
_REVIEW_VERSION = "authorization.k8s.io/v1"
_WHO_VERSION = "authentication.k8s.io/v1"
# 1,000 pools with all their conditions and decisions are 8 MB; what nobody can look at is not read.
_MAX_ANSWER = 256 * 2**20
_CHUNK = 2**18
# The API server stores no object above 1.5 MiB. aiohttp takes twice this for a line.
_MAX_LINE = 2 * 2**20
_SECONDS = 30.0


class ApiServer:
    """Raises ApiError for whatever does not succeed."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        return await self._answer("GET", path, query=query, headers=headers)

    async def post(self, path: str, body: Object) -> Object:
        return await self._answer("POST", path, body=body)

    async def patch(self, path: str, body: Object, *, manager: str) -> Object:
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        return await self._answer("PATCH", path, body=body, query=query, content_type=_MERGE)

    async def allows(self, attributes: Mapping[str, str]) -> bool:
        """What a SelfSubjectAccessReview says of the user."""
        spec = {"resourceAttributes": dict(attributes)}
        review = {"apiVersion": _REVIEW_VERSION, "kind": "SelfSubjectAccessReview", "spec": spec}
        answer = await self.post(f"/apis/{_REVIEW_VERSION}/selfsubjectaccessreviews", review)
        return status_of(answer).get("allowed") is True

    async def username(self) -> str | None:
        """Who the user is to the API server; None where that does not tell, as before Kubernetes 1.28."""
        review = {"apiVersion": _WHO_VERSION, "kind": "SelfSubjectReview"}
        try:
            answer = await self.post(f"/apis/{_WHO_VERSION}/selfsubjectreviews", review)
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise
        name: str | None = (status_of(answer).get("userInfo") or {}).get("username")
        return name

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Object]:
        """The events of a watch until it ends."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SECONDS)
        try:
            async with self._session.get(
                path, params={**query, "watch": "true"}, timeout=timeout
            ) as response:
                if response.status >= 400:
                    raise _error(response.status, await _bounded(response))
                async for line in response.content:
                    yield json.loads(line)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error) from error
        except ValueError as error:
            raise ApiError(0, "Unreadable", f"The watch of {path} sent an invalid event: {error}") from error

    async def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", **({} if data is None else {"Content-Type": content_type})}
        sent |= headers or {}
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with self._session.request(
                method, path, params=query, data=data, headers=sent, timeout=timeout
            ) as response:
                told = await _bounded(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error) from error
        if response.status >= 400:
            raise _error(response.status, told)
        try:
            answer: Object = json.loads(told)
        except ValueError as error:
            raise ApiError(0, "Unreadable", f"The answer to {path} is not JSON.") from error
        return answer


@asynccontextmanager
async def connected(socket: Path) -> AsyncIterator[ApiServer]:
    """The API server behind a `kubectl proxy` on this socket."""
    connector = aiohttp.UnixConnector(str(socket), limit=0)
    async with aiohttp.ClientSession(
        base_url="http://localhost", connector=connector, read_bufsize=_MAX_LINE
    ) as session:
        yield ApiServer(session)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    told = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        told += chunk
        if len(told) > _MAX_ANSWER:
            raise ApiError(
                0, "TooLarge", f"The answer is larger than {_MAX_ANSWER >> 20} MiB: choose one namespace."
            )
    return bytes(told)


def _unreachable(error: BaseException) -> ApiError:
    return ApiError(0, "Unreachable", f"The API server does not answer: {error or type(error).__name__}.")


def _error(status: int, told: bytes) -> ApiError:
    try:
        answer = json.loads(told)
        return ApiError(status, str(answer.get("reason", "")), str(answer["message"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        text = told[:300].decode(errors="replace").strip()
        return ApiError(status, "Unknown", text or f"The API server answered {status}.")
