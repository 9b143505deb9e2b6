"""What the command line takes, and what it prints for what it does not take."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from taskfleet.api import KINDS
from taskfleet.cli import main
from taskfleet.cli.command import Command
from taskfleet.cli.completion import complete_for_kubectl
from taskfleet.cli.program import program, program_name
from taskfleet.cli.shell_script import COMPLETE_VARIABLE
from taskfleet.config import Settings

COMMANDS = list(program.commands.items())
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "command-line.md").read_text()
SLOW = ("aiohttp", "asyncio", "kopf", "kubernetes", "pydantic", "redis", "yaml")


def run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def parsed(*arguments: str) -> dict[str, object]:
    """What `taskfleet operator` would be called with."""
    command = program.commands["operator"]
    # Below the program: click keeps a command's help option, with the names that its first context gives it.
    parent = click.Context(program, info_name="taskfleet", **program.context_settings)
    return command.make_context("operator", list(arguments), parent=parent).params


def test_crds_are_printed_ready_to_apply(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("crds") == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [crd["spec"]["names"]["kind"] for crd in printed] == [info.kind for info in KINDS]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--http-port", "web"), "http_port: Input should be a valid integer", id="no-number"),
        pytest.param(("--log-format", "xml"), "but it is 'xml'", id="no-such-choice"),
    ],
)
def test_an_invalid_setting_is_reported_in_one_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("operator", *arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_every_setting_but_those_of_the_downward_api_has_a_flag() -> None:
    settings = {name for name, field in Settings.model_fields.items() if field.validation_alias is None}
    assert settings == set(parsed())


def test_a_flag_that_is_not_given_leaves_the_variable_in_force() -> None:
    given = parsed("--namespace", "a", "--namespace", "b")
    assert given["namespaces"] == ("a", "b")
    assert given["http_port"] is None


def test_no_command_is_an_error_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert "Usage: taskfleet" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=list(program.commands))
def test_every_command_has_a_summary_and_two_examples(name: str, command: click.Command) -> None:
    assert isinstance(command, Command)
    assert not command.get_short_help_str(limit=75).endswith("..."), "the list of commands shows all of it"
    assert sum(f"{{program}} {name}" in example for example in command.examples) >= 2
    for flag in ("-h", "--help"):
        printed = CliRunner().invoke(program, [name, flag], prog_name="kubectl taskfleet").output
        assert printed.startswith(f"Usage: kubectl taskfleet {name}")
        assert f"kubectl taskfleet {name}" in printed.partition("Examples:")[2], printed


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=list(program.commands))
def test_the_object_of_a_command_is_shown_by_its_short_name(name: str, command: click.Command) -> None:
    kinds = {"upgrade": "WorkerPool", "dead": "WorkerPool", "explain": "WorkerPool", "failed": "WorkerPool"}
    kinds |= {
        "status": "WorkerPool",
        "trigger": "PeriodicSchedule",
        "purge": "TaskQueue",
        "logs": "WorkerPool",
    }
    shown = [one.metavar for one in command.params if isinstance(one, click.Argument) and one.name == "name"]
    expected = [info.short_names[0] for info in KINDS if info.kind == kinds.get(name)]
    assert [str(one).strip("[]") for one in shown] == [f"{short}/NAME" for short in expected]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("/usr/bin/kubectl-taskfleet", "kubectl taskfleet", id="plugin"),
        pytest.param("kubectl-taskfleet.exe", "kubectl taskfleet", id="plugin-on-windows"),
        pytest.param("/usr/bin/taskfleet", "taskfleet", id="program"),
        pytest.param("/site-packages/taskfleet/__main__.py", "taskfleet", id="module"),
    ],
)
def test_usage_names_the_program_as_it_was_called(path: str, name: str) -> None:
    assert program_name(path) == name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("upgrade", "pod/mail"), "invalid WorkerPool 'pod/mail': expected wp/NAME", id="kind"),
        pytest.param(
            ("dead", "--requeue"), "--requeue and --forget require wp/NAME.", id="requeue-of-all-pools"
        ),
        pytest.param(("dead", "wp/a", "-A"), "leave out wp/NAME.", id="pool-of-all-namespaces"),
        pytest.param(("dead", "wp/a", "id-1"), "ids are only for --requeue and --forget.", id="ids-to-list"),
        pytest.param(("top", "-w", "-o", "json"), "--watch shows a screen: leave out -o json.", id="watch"),
        pytest.param(
            ("logs", "a", "--id", "1", "--task", "t"), "--task and --id cannot both", id="logs-of-two"
        ),
        pytest.param(("explain", "wp/a", "-o", "xml"), "'xml' is not one of 'json', 'yaml'", id="form"),
    ],
)
def test_usage_errors_end_with_2(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_commands_are_completed_by_the_shell() -> None:
    environment = {"COMP_WORDS": "taskfleet ex", "COMP_CWORD": "1", COMPLETE_VARIABLE: "bash_complete"}
    result = CliRunner().invoke(
        program, prog_name="taskfleet", env=environment, complete_var=COMPLETE_VARIABLE
    )
    assert result.output == "plain,explain\n"


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        pytest.param(
            ["ex"],
            "explain\tShow the last decisions about a pool's...\n:4\n",
            id="command",
        ),
        pytest.param(["explain", "-o", ""], "json\t\nyaml\t\n:4\n", id="value"),
        pytest.param(["explain", "wp/"], ":4\n", id="object-of-no-cluster"),
        pytest.param(["convert", ""], ":0\n", id="file"),
        pytest.param([], None, id="nothing-yet"),
    ],
)
def test_kubectl_completes_the_plugin(
    words: list[str],
    printed: str | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    complete_for_kubectl(words)
    shown = capsys.readouterr()
    assert printed in (None, shown.out)
    assert shown.out.endswith((":0\n", ":4\n"))
    assert shown.err == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_calls_the_program(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("completion", shell) == 0
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize("name", list(program.commands))
def test_the_page_of_the_command_line_lists_every_command(name: str) -> None:
    assert re.search(rf"^\| `(kubectl )?taskfleet {name}[ `]", PAGE, re.MULTILINE)


def test_help_loads_nothing_that_takes_long() -> None:
    script = (
        "import sys; from taskfleet.cli import main\n"
        "try: main(sys.argv[1:])\n"
        f"except SystemExit: print([name for name in {SLOW} if name in sys.modules])"
    )
    for arguments in (["--help"], ["dead", "--help"], ["convert", "--help"], ["completion", "fish"]):
        command = [sys.executable, "-c", script, *arguments]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert printed.endswith("\n[]\n")
