"""The site of several versions: `python -m tests.tools.docs_versions FOLDER LATEST`.

FOLDER holds a folder for each version. It gets the versions.json that the theme reads, and an index.html that leads to
the latest.
"""

import json
import sys
from pathlib import Path


def versions(names: list[str], latest: str) -> list[dict[str, object]]:
    """As mike writes it: the newest first, the latest with its alias."""
    ordered = sorted(names, key=_order, reverse=True)
    return [
        {"version": name, "title": name, "aliases": ["latest"] if name == latest else []} for name in ordered
    ]


def _order(name: str) -> tuple[tuple[int, ...], str]:
    numbers = name.split("-", maxsplit=1)[0].split(".")
    return tuple(int(one) for one in numbers if one.isdigit()), name


def main(folder: Path, latest: str) -> None:
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    (folder / "versions.json").write_text(json.dumps(versions(names, latest), indent=2) + "\n")
    refresh = f'<meta http-equiv="refresh" content="0; url={latest}/">'
    (folder / "index.html").write_text(
        f'<!doctype html><title>Taskfleet</title>{refresh}<a href="{latest}/">{latest}</a>\n'
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
