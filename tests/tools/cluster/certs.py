"""The cluster's own certificate authority, made with the openssl program."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from tests.tools.cluster.addresses import Addresses

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")  # a P-256 key takes no time


@dataclass(frozen=True)
class Certificate:
    """A certificate to make: subject in openssl's notation, and the names and addresses it is valid for."""

    name: str
    subject: str
    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()

    @property
    def alternative_names(self) -> str:
        parts = [f"DNS:{name}" for name in self.names] + [f"IP:{address}" for address in self.addresses]
        return ",".join(parts) or f"DNS:{self.name}"


def certificates(addresses: Addresses, nodes: int) -> list[Certificate]:
    """Every certificate of a cluster. The subjects are those that Kubernetes' own roles are bound to."""
    api_names = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
    api_addresses = (
        IPv4Address("127.0.0.1"),
        addresses.loopback,
        addresses.host,
        addresses.kubernetes_service,
    )
    result = [
        Certificate("kube-apiserver", "/CN=kube-apiserver", api_names, api_addresses),
        Certificate("admin", "/O=system:masters/CN=admin"),
        Certificate("kube-controller-manager", "/CN=system:kube-controller-manager"),
        Certificate("kube-scheduler", "/CN=system:kube-scheduler"),
        Certificate("kube-proxy", "/CN=system:kube-proxy"),
    ]
    for number in range(1, nodes + 1):
        name, address = f"node{number}", addresses.node(number)
        result.append(Certificate(name, f"/O=system:nodes/CN=system:node:{name}", (name,), (address,)))
    return result


def make_certificates(folder: Path, wanted: Sequence[Certificate]) -> None:
    """Write ca.crt, the service accounts' key pair, and a .crt and .key for each certificate."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _openssl(folder, "req", "-x509", *_NEW_KEY, "-days", "365", "-subj", "/CN=taskfleet-test",
             "-keyout", "ca.key", "-out", "ca.crt")  # fmt: skip
    _openssl(folder, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "sa.key")
    _openssl(folder, "pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub")
    for certificate in wanted:
        _openssl(folder, "req", "-x509", *_NEW_KEY, "-days", "365", "-CA", "ca.crt", "-CAkey", "ca.key",
                 "-subj", certificate.subject, "-addext", f"subjectAltName={certificate.alternative_names}",
                 "-addext", "basicConstraints=critical,CA:false",
                 "-keyout", f"{certificate.name}.key", "-out", f"{certificate.name}.crt")  # fmt: skip


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
