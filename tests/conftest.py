"""Lanes for pytest-xdist: tests that share a cluster run one after the other, beside all the rest."""

from collections.abc import Sequence

import pytest

LANES = {  # the beginning of a test's path, and the lane; the first that fits
    "tests/e2e/test_cluster.py": "clusters of their own",
    "tests/e2e/": "the e2e cluster",
    "tests/envtest/": "the control plane",
}


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        for path, lane in LANES.items():
            if item.nodeid.startswith(path):
                item.add_marker(pytest.mark.xdist_group(lane))
                break
