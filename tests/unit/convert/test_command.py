"""`taskfleet convert` as people call it."""

import io
from pathlib import Path

import pytest
import yaml

from taskfleet import cli

LINE = "celery multi start a -A shop -c 4 -l info\n"


def convert(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        cli.main(["convert", *arguments])
    return end.value.code


def test_standard_input_becomes_manifests_and_a_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(LINE))
    assert convert() == 0
    said = capsys.readouterr()
    assert [one["kind"] for one in yaml.safe_load_all(said.out)] == ["Broker", "WorkerPool"]
    assert said.err.startswith("command line standard input, a\n  action required:\n")


def test_manifests_and_report_go_into_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out, report = tmp_path / "celery.sh", tmp_path / "out", tmp_path / "report.txt"
    source.write_text(LINE)
    assert convert(str(source), "-o", str(out), "--report", str(report)) == 0
    assert sorted(path.name for path in out.iterdir()) == ["broker-default.yaml", "workerpool-celery.yaml"]
    assert "Total:" in report.read_text()
    assert capsys.readouterr() == ("", "")


def test_input_without_celery_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "web.yaml"
    source.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n")
    assert convert(str(source)) == 1
    assert "Service web" in capsys.readouterr().err


def test_file_that_is_not_there_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("/nowhere/x.yaml") == 2
    assert capsys.readouterr().err == "/nowhere/x.yaml: No such file or directory.\n"
