"""What a release is made of and how: an in-toto statement with SLSA's provenance."""

from collections.abc import Mapping
from typing import Any

from tests.tools.release.checkout import Source

_BUILD_TYPE = "https://taskfleet.dev/build/make-release/v1"
_LOCK_FILES = (
    "requirements/build.txt",
    "requirements/operator.txt",
    "requirements/worker.txt",
    "requirements/dev.txt",
    "requirements/go.txt",
    "tests/tools/cluster/go/helm/go.sum",
)


def statement(
    source: Source, subjects: Mapping[str, str], inputs: Mapping[str, str], builder: str
) -> dict[str, Any]:
    """`subjects` and `inputs` are SHA-256 by name. No time is in it: two builds say the same."""
    commit = {"name": "commit", "digest": {"gitCommit": source.commit}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": _resources(subjects),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {"version": source.version, "registry": source.registry},
                "internalParameters": {"SOURCE_DATE_EPOCH": source.epoch},
                "resolvedDependencies": [commit, *_resources(inputs)],
            },
            "runDetails": {"builder": {"id": builder}},
        },
    }


def lock_files(source: Source) -> list[str]:
    """The pinned inputs of the commit, by their names in the checkout."""
    return [name for name in _LOCK_FILES if (source.folder / name).exists()]


def _resources(digests: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "digest": {"sha256": digests[name]}} for name in sorted(digests)]
