from pathlib import Path

import pytest

from tests.tools.cluster.node import check_folder
from tests.tools.cluster.state import ClusterError

MOUNTS = """\
overlay / overlay rw 0 0
proc /proc proc rw 0 0
/dev/vda /root ext4 rw 0 0
/dev/vda /var/lib/ci ext4 rw 0 0
"""


def test_the_innermost_mount_decides() -> None:
    check_folder(Path("/root/.cache/taskfleet/clusters/dev"), MOUNTS)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        pytest.param("/home/me/.cache", "lies on /, an overlay file system", id="overlay-on-overlay"),
        pytest.param("/rootless", "lies on /, an overlay file system", id="a-name-that-only-begins-the-same"),
        pytest.param("/var/lib/ci/.cache", "below /var/lib, which nodes cannot see", id="hidden"),
    ],
)
def test_a_folder_that_cannot_work_is_refused_with_what_to_set(folder: str, reason: str) -> None:
    with pytest.raises(ClusterError, match=f"{reason}.*set XDG_CACHE_HOME"):
        check_folder(Path(folder), MOUNTS)
