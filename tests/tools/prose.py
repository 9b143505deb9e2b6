"""vale over what people read, by the rules of styles/Taskfleet: `python -m tests.tools.prose`.

Documents are read as they are. Strings that users read are written to a text file for each source, at the line of
the string, so that a finding names the line to correct.
"""

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import yaml

from taskfleet.cli.program import program
from tests.tools.cluster import programs

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("*.md", "docs/**/*.md", "examples/**/*.md", "tests/README.md", "worker-image/*.md")
CHART = (
    "charts/taskfleet/Chart.yaml",
    "charts/taskfleet/values.yaml",
    "charts/taskfleet/templates/NOTES.txt",
)
# Redis reads this text, not a person, and a change of it would restart every managed Redis.
CONFIGURATION = "broker_config_map.py"


def documents() -> list[Path]:
    return sorted({path for pattern in DOCUMENTS for path in ROOT.glob(pattern)})


def modules() -> list[Path]:
    """Modules whose strings can reach a user."""
    folders = (ROOT / "operator/taskfleet", ROOT / "worker-image/taskfleet_worker")
    found = {path for folder in folders for path in folder.rglob("*.py")}
    return sorted(path for path in found if path.name != CONFIGURATION)


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of a module's string literals with more than one word; not its docstrings, not Lua."""
    tree = ast.parse(path.read_text())
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documented:
            continue
        if " " in node.value and "redis.call(" not in node.value:
            yield node.lineno, node.value


def descriptions(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of a CRD's descriptions and of the messages of its rules."""

    def walk(node: yaml.Node) -> Iterator[tuple[int, str]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                wanted = key.value in {"description", "message", "messageExpression"}
                if wanted and isinstance(value, yaml.ScalarNode):
                    yield value.start_mark.line + 1, value.value
                else:
                    yield from walk(value)
        elif isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield from walk(each)

    root = yaml.compose(path.read_text())
    if root is not None:
        yield from walk(root)


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of the comments of a chart's values, and of a text as a whole."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line if path.suffix == ".txt" else line.partition("# ")[2]
        if text:
            yield number, text


def helps() -> dict[str, str]:
    """What `--help` prints, by command; its docstrings are no messages of a module."""
    found = {}
    for name, command in program.commands.items():
        context = click.Context(command, info_name=f"taskfleet {name}", max_content_width=10_000)
        found[f"taskfleet {name} --help"] = command.get_help(context)
    return found


def at_their_lines(texts: Iterator[tuple[int, str]]) -> str:
    """One text with each string at its line, and a mark behind it, so that no sentence runs into the next."""
    lines: dict[int, list[str]] = {}
    for number, text in texts:
        lines.setdefault(number, []).append(" ".join([*text.split(), "|"]))
    return "\n".join(" ".join(lines.get(number, [])) for number in range(1, max(lines, default=0) + 1))


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        sources = {
            **{path: messages(path) for path in modules()},
            **{path: descriptions(path) for path in sorted((ROOT / "crds").glob("*.yaml"))},
            **{ROOT / name: comments(ROOT / name) for name in CHART},
        }
        shown = {str(path.relative_to(ROOT)): at_their_lines(texts) for path, texts in sources.items()}
        for name, text in {**shown, **helps()}.items():
            target = Path(temporary, f"{name}.txt")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text + "\n")
        vale = [str(programs.program("vale")), f"--config={ROOT / '.vale.ini'}", "--output=line"]
        result = subprocess.run(
            [*vale, temporary, *map(str, documents())], cwd=ROOT, check=False, capture_output=True, text=True
        )
    found = re.sub(rf"^{re.escape(temporary)}/(.+?)\.txt:", r"\1:", result.stdout, flags=re.MULTILINE)
    print(found.replace(f"{ROOT}/", "") + result.stderr, end="")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
