"""Certificates for brokers of tests: a CA, a server on loopback, one by another name, a client, and a CA unknown to all."""

from ipaddress import IPv4Address
from pathlib import Path

from tests.tools.cluster import debian
from tests.tools.cluster.certs import Certificate, make_certificates

_LOOPBACK = IPv4Address("127.0.0.1")


class Certificates:
    """In `folder`: ca.crt, and a .crt and a .key of `server`, `misnamed` and `client`; `stranger/` has another CA."""

    def __init__(self, folder: Path) -> None:
        debian.require({"openssl": "openssl"})
        self.folder = folder
        self.stranger = folder / "stranger"
        wanted = [
            Certificate("server", "/CN=redis", ("localhost",), (_LOOPBACK,)),
            Certificate("misnamed", "/CN=elsewhere", ("elsewhere.example",)),
            Certificate("client", "/CN=shop"),
        ]
        make_certificates(folder, wanted)
        make_certificates(self.stranger, [Certificate("client", "/CN=stranger")])

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    @property
    def ca(self) -> str:
        return self.text("ca.crt")

    @property
    def unknown_ca(self) -> str:
        return (self.stranger / "ca.crt").read_text()

    def redis_options(self, port: int, *, server: str = "server", ask_clients: bool = False) -> list[str]:
        """Options of a redis-server that speaks TLS at `port`, beside its plain port."""
        return [
            *("--tls-port", str(port)),
            *("--tls-cert-file", str(self.folder / f"{server}.crt")),
            *("--tls-key-file", str(self.folder / f"{server}.key")),
            *("--tls-ca-cert-file", str(self.folder / "ca.crt")),
            *("--tls-auth-clients", "yes" if ask_clients else "no"),
        ]
