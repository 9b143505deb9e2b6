"""What a cluster needs beside its programs: DNS, and volumes that a claim can bind to."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

import yaml

from tests.tools.cluster.addresses import Addresses

_MANIFEST = Path(__file__).with_name("addons.yaml")
VOLUMES = 16  # for each node; nothing provisions more


def manifests(addresses: Addresses, *, coredns_image: str, volumes: dict[str, list[Path]]) -> str:
    """Everything to apply once the API server answers. `volumes` are folders by node name."""
    values = {"DNS_SERVICE": str(addresses.dns_service), "COREDNS_IMAGE": coredns_image}
    text = Template(_MANIFEST.read_text()).substitute(values)
    documents = [persistent_volume(node, path) for node, paths in volumes.items() for path in paths]
    return "---\n".join([text, *(yaml.safe_dump(document) for document in documents)])


def persistent_volume(node: str, path: Path) -> dict[str, Any]:
    """A folder of a node as a volume; recycle-volumes.sh empties it when its claim is gone."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": path.name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "standard",
            "hostPath": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
