"""The start of the command line as one file: it is the `__main__.py` of that file.

Extension modules cannot be loaded from a zip file, so the first start unpacks everything, once for each release. Later
starts import only what is needed to find it.
"""

import os
import sys

DIGEST = "of the packages"  # the build writes it
PACKAGES = "packages.zip"


def needed(name: str, python: str) -> bool:
    """Whether a file is no extension module for another Python than that of the tag."""
    tags = name.rpartition("/")[2].split(".")[1:]
    return not any(tag.startswith("cpython-") and not f"{tag}-".startswith(f"{python}-") for tag in tags)


def unpacked(program: str, cache: str) -> str:
    """The folder of packages, written first where it does not exist."""
    python = sys.implementation.cache_tag or ""
    folder = os.path.join(cache, "taskfleet", f"cli-{DIGEST}-{python}")
    if not os.path.isdir(folder):
        unpack(program, folder, python)
    return folder


def unpack(program: str, folder: str, python: str) -> None:
    import tempfile  # noqa: PLC0415 -- these cost as much time as everything else, and later starts need none
    import zipfile  # noqa: PLC0415

    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    temporary = tempfile.mkdtemp(dir=os.path.dirname(folder), prefix="cli-new-")
    with zipfile.ZipFile(program) as outer, outer.open(PACKAGES) as file, zipfile.ZipFile(file) as archive:
        archive.extractall(temporary, [name for name in archive.namelist() if needed(name, python)])
    try:
        os.rename(temporary, folder)
    except OSError:  # another start was faster
        import shutil  # noqa: PLC0415

        shutil.rmtree(temporary)


def main() -> None:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    sys.path[0] = unpacked(sys.path[0], cache)
    if os.path.basename(sys.argv[0]).startswith("kubectl_complete"):
        from taskfleet.cli.completion import complete_for_kubectl  # noqa: PLC0415 -- it is there from here on

        complete_for_kubectl()
    else:
        from taskfleet.cli import main as command_line  # noqa: PLC0415

        command_line()


if __name__ == "__main__":
    main()
