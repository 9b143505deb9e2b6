"""The chart as an archive, which `helm package` writes with the time of the day."""

from fnmatch import fnmatch
from pathlib import Path

from tests.tools.release import archive
from tests.tools.release.checkout import Source


def build(source: Source, target: Path) -> None:
    path = target / f"taskfleet-{source.version}.tgz"
    chart = source.folder / "charts/taskfleet"
    ignored = [line for line in (chart / ".helmignore").read_text().splitlines() if not line.startswith("#")]
    files = {
        f"taskfleet/{one.relative_to(chart).as_posix()}": one.read_bytes()
        for one in chart.rglob("*")
        if one.is_file() and not any(fnmatch(one.name, pattern) for pattern in ignored)
    }
    archive.write(path, files, source.epoch)
