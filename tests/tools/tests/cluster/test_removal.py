from pathlib import Path

from tests.tools.cluster.removal import mounts_below

MOUNTS = """\
proc /proc proc rw 0 0
tmpfs /cache/clusters/dev/node1/a tmpfs rw 0 0
tmpfs /cache/clusters/dev/with\\040space tmpfs rw 0 0
tmpfs /cache/clusters/dev2 tmpfs rw 0 0
"""


def test_mounts_of_another_cluster_whose_name_begins_the_same_are_not_counted() -> None:
    assert mounts_below(Path("/cache/clusters/dev"), MOUNTS) == [
        "/cache/clusters/dev/node1/a",
        "/cache/clusters/dev/with space",
    ]
