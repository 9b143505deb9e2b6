"""Looks at real servers that speak TLS: what is taken, what is refused, and why in our words."""

from collections.abc import Iterator
from typing import Any

import pytest

from taskfleet.brokers.connection.raw_connection import CommandBatch, RawConnection, RawConnectionError
from taskfleet.brokers.connection.redis_probe import access, probe
from taskfleet.brokers.connection.target import Tls, target_of
from taskfleet.brokers.connection.tls import chain, tls_failure
from taskfleet.brokers.probe import Probe, Verdict
from tests.runtime.certificates import Certificates
from tests.runtime.ports import free_port
from tests.runtime.redis_server import RedisServer


class TlsServers:
    """A server that takes everybody, one that asks for certificates, one whose certificate has another name."""

    def __init__(self, certificates: Certificates) -> None:
        self.certificates = certificates
        self.plain_port = 0
        self.ports = {name: free_port() for name in ("open", "asking", "misnamed")}

    def options(self, name: str) -> list[str]:
        server = "misnamed" if name == "misnamed" else "server"
        return self.certificates.redis_options(self.ports[name], server=server, ask_clients=name == "asking")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServers]:
    servers = TlsServers(Certificates(tmp_path_factory.mktemp("certificates")))
    running = [
        RedisServer(tmp_path_factory.mktemp(name), *servers.options(name)).__enter__()
        for name in servers.ports
    ]
    servers.plain_port = running[0].port
    yield servers
    for server in running:
        server.__exit__()


def tls(servers: TlsServers, *, ca: str | None = "known", client: str | None = None, **more: Any) -> Tls:
    certificates = servers.certificates
    authority = {"known": certificates.ca, "unknown": certificates.unknown_ca, None: None}[ca]
    folder = {None: None, "known": certificates.folder, "stranger": certificates.stranger}[client]
    if folder is None:
        return Tls(ca=authority, **more)
    certificate, key = ((folder / f"client.{end}").read_text() for end in ("crt", "key"))
    return Tls(ca=authority, certificate=certificate, key=key, **more)


async def look(port: int, how: Tls | None) -> Probe:
    client = access(target_of(f"rediss://127.0.0.1:{port}", tls=how)).client()
    try:
        return await probe(client)
    finally:
        await client.aclose()


@pytest.mark.parametrize(
    ("server", "how"),
    [
        pytest.param("open", {}, id="known-ca"),
        pytest.param("open", {"client": "known"}, id="certificate-nobody-asked-for"),
        pytest.param("asking", {"client": "known"}, id="client-certificate"),
        pytest.param("open", {"ca": "unknown", "verify": False}, id="unknown-ca-unchecked"),
        pytest.param("misnamed", {"verify": False}, id="other-name-unchecked"),
    ],
)
async def test_server_that_is_trusted(servers: TlsServers, server: str, how: dict[str, Any]) -> None:
    assert (await look(servers.ports[server], tls(servers, **how))).verdict is Verdict.REACHABLE
    way = access(target_of(f"rediss://127.0.0.1:{servers.ports[server]}", tls=tls(servers, **how)))
    wire = await RawConnection.connect(await way.locate(), patience=5)
    assert await wire.ask(CommandBatch.of([("PING",)])) == [b"PONG"]
    await wire.aclose()


@pytest.mark.parametrize(
    ("server", "how", "said"),
    [
        pytest.param("open", {"ca": "unknown"}, "signed by an unknown CA", id="unknown-ca"),
        pytest.param("open", {"ca": None}, "signed by an unknown CA", id="system-cas"),
        pytest.param("misnamed", {}, "not valid for the host of the URL", id="other-name"),
        pytest.param("asking", {}, "requires a client certificate", id="no-client-certificate"),
        pytest.param("asking", {"client": "stranger"}, "rejects the client certificate", id="stranger"),
    ],
)
async def test_handshake_that_fails_is_told_with_its_reason(
    servers: TlsServers, server: str, how: dict[str, Any], said: str
) -> None:
    found = await look(servers.ports[server], tls(servers, **how))
    assert found.verdict is Verdict.TLS_FAILED
    assert said in found.detail


async def test_server_without_tls_is_no_silent_fallback(servers: TlsServers) -> None:
    way = access(target_of(f"rediss://127.0.0.1:{servers.plain_port}", tls=tls(servers)))
    with pytest.raises(RawConnectionError):
        await RawConnection.connect(await way.locate(), patience=1)


async def test_plain_url_of_a_tls_port_is_unreachable(servers: TlsServers) -> None:
    found = await look(servers.ports["open"], None)
    assert found.verdict is Verdict.UNREACHABLE


def test_an_error_that_is_its_own_cause_is_told_once() -> None:
    first, second = OSError("first"), OSError("second")
    first.__cause__, second.__cause__ = second, first
    assert list(chain(first)) == [first, second]
    assert tls_failure(first) is None
