"""kopf's HTTP session, observed: kopf does not tell handlers that it lists again, nor which objects are gone."""

from collections.abc import Callable
from types import SimpleNamespace

import aiohttp
import kopf


def listening(info: kopf.ConnectionInfo, listed: Callable[[str], None]) -> kopf.AiohttpSession:
    """The session that kopf would make of `info`; `listed` gets the path of each list whose first page has arrived."""

    async def answered(_: object, __: SimpleNamespace, told: aiohttp.TraceRequestEndParams) -> None:
        goes_on = {"watch", "continue"} & set(told.url.query)
        if told.response.status == 200 and not goes_on:
            listed(told.url.path)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(answered)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trust_env=info.trust_env,
        trace_configs=[trace],
    )
    return kopf.AiohttpSession(
        server=info.server,
        aiohttp_session=session,
        priority=info.priority,
        default_namespace=info.default_namespace,
        expiration=info.expiration,
    )
