"""Write the files of a cluster: certificates, credentials, configuration, manifests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.tools.cluster import addons, config, images, node
from tests.tools.cluster.certs import certificates, make_certificates
from tests.tools.cluster.components import Layout


def write_files(layout: Layout, references: Mapping[str, str]) -> None:
    """Into the empty folder of a new cluster. `references` are the full names of the cluster's own images."""
    for folder in ("log", "clients"):
        (layout.run / folder).mkdir()
    wanted = certificates(layout.addresses, layout.record.nodes)
    make_certificates(layout.pki, wanted)
    for certificate in wanted:
        layout.client_config(certificate.name).write_text(_kubeconfig(layout, certificate.name))
    for number in layout.nodes:
        node.write_files(layout, number, pause_image=references[images.PAUSE.name])
    if layout.record.nodes:
        (layout.run / "addons.yaml").write_text(_addons(layout, references[images.COREDNS.name]))
    layout.kubeconfig.write_text(_kubeconfig(layout, "admin"))
    layout.kubeconfig.chmod(0o600)


def _kubeconfig(layout: Layout, user: str) -> str:
    return config.kubeconfig(
        server=layout.server,
        authority=(layout.pki / "ca.crt").read_bytes(),
        certificate=(layout.pki / f"{user}.crt").read_bytes(),
        key=(layout.pki / f"{user}.key").read_bytes(),
    )


def _addons(layout: Layout, coredns_image: str) -> str:
    volumes: dict[str, list[Path]] = {}
    for number in layout.nodes:
        node = f"node{number}"
        volumes[node] = [layout.volumes / f"{node}-volume{index}" for index in range(addons.VOLUMES)]
        for path in volumes[node]:
            path.mkdir(parents=True)
            path.chmod(0o777)  # no driver hands a folder to a pod's group
    return addons.manifests(layout.addresses, coredns_image=coredns_image, volumes=volumes)
