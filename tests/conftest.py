"""Settings of every test, and lanes for pytest-xdist: tests that share a cluster run one after the other.

Not by xdist's own groups, which it notes in a test's id: pytest 9.2 keeps ids where xdist 3.8 does not look.
"""

import re

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says more about the machine's load than about the code.
hypothesis.settings.register_profile("taskfleet", deadline=None)
hypothesis.settings.load_profile("taskfleet")

# A pattern that a test's path begins with, and the lane; the first that fits. A lane has a cluster of its own.
LANES = {
    "tests/e2e/test_cluster.py": "clusters of their own",
    "tests/e2e/test_[r-z]": "the second e2e cluster",
    "tests/e2e/": "the e2e cluster",
    "tests/envtest/test_[n-z]": "the second control plane",
    "tests/envtest/": "the control plane",
    "tests/install/": "the control plane without CRDs",
    "tests/runtime/reliability/": "many workers",
    "tests/runtime/brokers/": "many workers",
}


class Lanes(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return next((lane for path, lane in LANES.items() if re.match(path, nodeid)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)
