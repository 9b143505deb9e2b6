"""`taskfleet simulate` from the options to the files."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from taskfleet import cli

POOL = """
apiVersion: taskfleet.dev/v1alpha1
kind: WorkerPool
metadata: {name: images}
spec:
  app: proj
  image: registry.example/app:1
  concurrency: 1
  autoscale: {maxReplicas: 5}
"""


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    path = tmp_path / "pool.yaml"
    path.write_text(f"{POOL}---\nkind: Broker\n---\n")
    return path


def simulate(pool: Path, *more: str, arrivals: str = "burst:20", service: str = "constant:5s") -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(["simulate", "-f", str(pool), "--arrivals", arrivals, "--service", service, *more])
    assert isinstance(end.value.code, int)
    return end.value.code


def test_the_table_has_a_row_for_each_fleet(pool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(pool, "--duration", "8m") == 0
    header, *fleets, last = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["fleet", "wait", "p50"]
    assert [re.split(r"\s{2,}", line)[0] for line in fleets] == ["Taskfleet", "KEDA + HPA", "fixed at 5"]
    assert len({len(line) for line in (header, *fleets)}) == 1
    assert last == "20 tasks; pods that are always busy would take 100 pod-seconds."


class _Links(HTMLParser):
    """Everything by which a page can load something else."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "iframe", "img"):
            self.found.append(tag)
        self.found += [name for name, _ in attributes if name in ("src", "href", "xlink:href")]


def test_what_is_left_out_of_the_simulation_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pool.yaml"
    path.write_text(f"{POOL}  recycle: {{maxAge: 24h}}\n")
    assert simulate(path) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("spec.recycle is not simulated:")


def test_the_report_stands_alone_and_says_how_to_repeat_it(pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert simulate(pool, "--out", str(out), "--seed", "7", arrivals="burst:20+poisson:1/m") == 0
    html = out.read_text()
    links = _Links()
    links.feed(html)
    assert links.found == []
    assert "url(" not in html
    assert "burst:20+poisson:1/m --service constant:5s --duration 10m --start-time 5s --seed 7" in html


def test_the_picture_alone_is_svg_with_three_lines_a_chart(pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "picture.svg"
    assert simulate(pool, "--out", str(out)) == 0
    root = ElementTree.fromstring(out.read_text())
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 3 * 3
    assert out.read_text().count("nan") == 0


def test_names_in_a_manifest_cannot_break_the_page(tmp_path: Path) -> None:
    evil, out = tmp_path / "pool.yaml", tmp_path / "report.html"
    evil.write_text(POOL.replace("images", "'<script>'"))
    assert simulate(evil, "--out", str(out)) == 0
    assert "<script>" not in out.read_text()


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        pytest.param("", "contains 0 objects of kind WorkerPool: use a file with exactly one.", id="empty"),
        pytest.param(f"{POOL}---{POOL}", "contains 2 objects of kind WorkerPool", id="two"),
        pytest.param("{", "cannot be read:", id="no-yaml"),
        pytest.param(
            POOL.replace("autoscale: {maxReplicas: 5}", "replicas: 5"),
            "WorkerPool 'images' has no spec.autoscale, so its size is fixed: add autoscale",
            id="no-autoscale",
        ),
        pytest.param(
            POOL.replace("  concurrency: 1\n", ""),
            "WorkerPool 'images' has no spec.concurrency, so only its pods can tell",
            id="no-concurrency",
        ),
        pytest.param(
            POOL.replace("{maxReplicas: 5}", "{minReplicas: 6, maxReplicas: 5}"),
            "spec.autoscale.minReplicas is 6 and maxReplicas is 5: set minReplicas from 0 to maxReplicas.",
            id="minimum-above-maximum",
        ),
        pytest.param(
            POOL.replace("maxReplicas: 5", "maxReplicas: many"), "maxReplicas is 'many'", id="not-a-number"
        ),
        pytest.param(
            POOL.replace("maxReplicas: 5", "maxReplicas: 5000"),
            "the simulation runs at most 1000 pods",
            id="huge",
        ),
    ],
)
def test_what_is_wrong_with_the_manifest_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: str, message: str
) -> None:
    path = tmp_path / "pool.yaml"
    path.write_text(manifest)
    assert simulate(path) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--duration", "25h"], "use a time above 0 s, and at most 24h.", id="too-long"),
        pytest.param(["--duration", "0s"], "--duration is 0 s", id="no-time"),
        pytest.param(["--start-time", "soon"], "'soon' is not a valid duration", id="start-time"),
        pytest.param(["--out", "report.pdf"], "--out is report.pdf: use a file name that ends in .html or .svg.", id="suffix"),
        pytest.param(["--out", "no/such/folder/r.html"], "--out no/such/folder/r.html cannot be written", id="folder"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_options_is_said(
    pool: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert simulate(pool, *options) == 2
    assert message in capsys.readouterr().err


def test_a_missing_manifest_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(tmp_path / "none.yaml") == 2
    assert "none.yaml cannot be read" in capsys.readouterr().err
