"""`python -m tests.tools.release build --version 1.2.3 --out dist/release`: see `make help`."""

import os
import sys
from pathlib import Path

import click

from tests.tools.cluster import ClusterError
from tests.tools.release.build import ALL, Part
from tests.tools.release.build import release as make_release
from tests.tools.release.checkout import ReleaseError
from tests.tools.release.images import PLATFORMS, Builder
from tests.tools.release.krew import Plugin
from tests.tools.release.login import from_environment
from tests.tools.release.publish import publish
from tests.tools.release.sign import sign

ROOT = Path(__file__).parents[3]
_FOLDER = click.Path(path_type=Path, file_okay=False)
_RELEASE = click.option("--release", type=_FOLDER, required=True, help="The folder that `build` wrote.")


@click.group()
def main() -> None:
    """Make a release of the last commit, and publish it."""


@main.command()
@click.option("--version", required=True, help="Such as 1.2.3 or 1.2.3-rc.1.")
@click.option("--registry", default="", help="Host and path that the release is published below.")
@click.option("--out", type=_FOLDER, required=True, help="An empty folder for the artifacts.")
@click.option(
    "--builder", default="https://taskfleet.dev/build/local", help="URI of who builds, for the provenance."
)
@click.option("--base", default="", help="Image that the images start from, instead of the one they name.")
@click.option("--platforms", default=",".join(PLATFORMS), show_default=True, help="Of the images.")
@click.option(
    "--downloads", default="", help="URL that users download the files from, for the krew manifest."
)
def build(
    *, version: str, registry: str, out: Path, builder: str, base: str, platforms: str, downloads: str
) -> None:
    """Build every artifact."""
    plugin: tuple[Part, ...] = (("the krew plugin", Plugin(downloads).build),) if downloads else ()
    parts = (*ALL, *plugin, ("the images", Builder(base, platforms.split(",")).build))
    make_release(ROOT, out, parts, version=version, registry=registry, builder=builder)
    print(f"{out} has the release {version}: `sha256sum --check checksums.txt` in it checks it.")


@main.command("publish")
@click.option("--registry", required=True, help="Host and path, as the release was built for.")
@click.option("--plain-http", is_flag=True, help="Of a registry for tests.")
@_RELEASE
def publish_release(registry: str, release: Path, plain_http: bool) -> None:
    """Push images and chart."""
    for reference, digest in publish(
        release, registry, plain_http=plain_http, login=from_environment()
    ).items():
        print(f"{reference}@{digest}")


@main.command("sign")
@click.option("--key", default="", help="File of cosign's private key; its password is in COSIGN_PASSWORD.")
@click.option("--plain-http", is_flag=True, help="Of a registry for tests.")
@_RELEASE
def sign_release(key: str, release: Path, plain_http: bool) -> None:
    """Sign what is published, and the checksums."""
    password = os.environ.get("COSIGN_PASSWORD", "")
    sign(release, key=key, password=password, plain_http=plain_http, login=from_environment())


if __name__ == "__main__":
    try:
        main()
    except (ReleaseError, ClusterError) as error:
        sys.exit(str(error))
