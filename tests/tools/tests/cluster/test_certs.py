import subprocess
from pathlib import Path

import pytest

from tests.tools.cluster.addresses import Addresses
from tests.tools.cluster.certs import Certificate, certificates, make_certificates


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    make_certificates(folder, certificates(Addresses(1), nodes=1))
    return folder


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def test_every_certificate_is_signed_by_the_cluster_s_own_authority(pki: Path) -> None:
    for path in pki.glob("*.crt"):
        assert "OK" in openssl("verify", "-CAfile", str(pki / "ca.crt"), str(path))


def test_the_api_server_s_certificate_is_valid_wherever_it_is_reached(pki: Path) -> None:
    text = openssl("x509", "-in", str(pki / "kube-apiserver.crt"), "-noout", "-ext", "subjectAltName")
    for address in (Addresses(1).host, Addresses(1).loopback, Addresses(1).kubernetes_service):
        assert f"IP Address:{address}" in text
    assert "DNS:kubernetes.default.svc" in text


def test_a_node_may_do_what_kubernetes_lets_that_node_do() -> None:
    (node,) = [one for one in certificates(Addresses(0), nodes=1) if one.name == "node1"]
    assert node.subject == "/O=system:nodes/CN=system:node:node1"


def test_a_certificate_without_names_is_valid_for_its_own_name() -> None:
    assert Certificate("admin", "/CN=admin").alternative_names == "DNS:admin"
