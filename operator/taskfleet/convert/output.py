"""Manifests as YAML: all in one stream, or a file each."""

from collections.abc import Iterable

import yaml

from taskfleet.api import Object
from taskfleet.plain_yaml import PlainDumper


def manifests_text(manifests: Iterable[Object]) -> str:
    """All manifests as one stream, ready for `kubectl apply -f -`."""
    return str(yaml.dump_all(manifests, Dumper=PlainDumper, sort_keys=False, width=110))


def manifest_files(manifests: Iterable[Object]) -> dict[str, str]:
    """Each manifest under the name of its file: workerpool-shop.yaml; with its namespace where one is given."""
    files: dict[str, str] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        names = [str(manifest["kind"]).lower(), *filter(None, [metadata.get("namespace")]), metadata["name"]]
        files[f"{'-'.join(names)}.yaml"] = manifests_text([manifest])
    return files
