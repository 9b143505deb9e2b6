"""What the command line takes, and what it says to what it cannot take."""

import argparse

import pytest
import yaml

from taskfleet.api import KINDS
from taskfleet.cli import _parser, _pool_name, main
from taskfleet.config import Settings


def run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_crds_are_printed_ready_to_apply(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("crds") == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [crd["spec"]["names"]["kind"] for crd in printed] == [info.kind for info in KINDS]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--http-port", "web"), "http_port: Input should be a valid integer", id="no-number"),
        pytest.param(("--log-format", "xml"), "but it is 'xml'", id="no-such-choice"),
    ],
)
def test_wrong_setting_is_told_in_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("operator", *arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_every_setting_but_those_of_the_downward_api_has_a_flag() -> None:
    given = vars(_parser().parse_args(["operator"]))
    settings = {name for name, field in Settings.model_fields.items() if field.validation_alias is None}
    assert settings <= set(given)


def test_flag_that_is_not_given_leaves_the_variable_in_force() -> None:
    given = vars(_parser().parse_args(["operator", "--namespace", "a", "--namespace", "b"]))
    assert given["namespaces"] == ["a", "b"]
    assert given["http_port"] is None


@pytest.mark.parametrize("value", ["mail", "wp/mail", "workerpool/mail", "workerpools/mail"])
def test_pool_is_named_as_with_kubectl(value: str) -> None:
    assert _pool_name(value) == "mail"


@pytest.mark.parametrize("value", ["", "wp/", "pod/mail", "a/b/c"])
def test_anything_else_is_no_pool(value: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write wp/NAME"):
        _pool_name(value)


def test_no_verb_is_an_error_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert "usage: taskfleet" in capsys.readouterr().err
