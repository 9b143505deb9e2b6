"""`kubectl taskfleet ui`: start the page, print its link, serve until Ctrl-C."""

import asyncio
import signal

from taskfleet.api import GROUP, Key
from taskfleet.commands.flags import ClusterFlags
from taskfleet.commands.output import print_errors, print_lines
from taskfleet.kube.errors import ApiError
from taskfleet.ui.api_server import ApiServer, connected
from taskfleet.ui.guards import Session
from taskfleet.ui.kubectl_proxy import KubectlError, context_of, kubectl_proxy
from taskfleet.ui.operator_queries import OperatorQueries
from taskfleet.ui.server import Page, serving


async def ui(flags: ClusterFlags, *, lease: Key, port: int) -> int:
    """Serve until SIGINT or SIGTERM. The exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        context = await context_of(flags)
        async with kubectl_proxy(flags) as socket, connected(socket) as server:
            whole = flags.namespace is None and await _may_list_all(server)
            queries = OperatorQueries(server, lease, context.token)
            page = Page(server, queries, Session(), context.namespace, whole)
            async with serving(page, port=port) as bound:
                print_lines(
                    f"http://127.0.0.1:{bound}/#token={page.session.token}",
                    "Open this link in a browser; it works once. Ctrl-C ends the page.",
                )
                await stop.wait()
    except (KubectlError, ApiError) as error:
        print_errors(str(error))
        return 1
    except OSError as error:
        print_errors(
            f"The page cannot listen on port {port}: {error.strerror}. Choose another one with --port."
        )
        return 1
    return 0


async def _may_list_all(server: ApiServer) -> bool:
    """Whether the user may list WorkerPools of all namespaces. Raises ApiError."""
    attributes = {"group": GROUP, "resource": "workerpools", "verb": "list"}
    return await server.allows(attributes)
