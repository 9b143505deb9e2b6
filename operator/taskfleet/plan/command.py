"""`taskfleet plan`: manifests in, the objects that they become out."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from taskfleet.api import InvalidObject, Object
from taskfleet.convert.output import manifests_text
from taskfleet.plan.planning import Planned, plan
from taskfleet.resources.context import Installation
from taskfleet.resources.errors import SpecError

_HEADER = "# Printed for review: the operator applies these objects itself.\n"


def plan_files(files: Iterable[str], installation: Installation, *, namespace: str) -> int:
    """Print what the files become; 1 where they hold no WorkerPool and no Broker, 2 where one cannot be read."""
    try:
        planned = list(plan(_manifests(files), installation, namespace=namespace))
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}.\n")
        return 2
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        sys.stderr.write(f"The input is not valid YAML: {error}.\n")
        return 2
    except (InvalidObject, SpecError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if not planned:
        sys.stderr.write("The input holds no WorkerPool and no Broker: name files that do with -f.\n")
        return 1
    sys.stdout.write(_HEADER + "".join(map(_text, planned)))
    return 0


def _text(planned: Planned) -> str:
    note = f"# {planned.note}\n" if planned.note else ""
    return f"---\n# {planned.owner}\n{note}{manifests_text(planned.children) if planned.children else ''}"


def _manifests(files: Iterable[str]) -> Iterator[Object]:
    for file in files:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        for raw in yaml.safe_load_all(text):
            if isinstance(raw, dict):
                yield from (raw.get("items") or []) if raw.get("kind") == "List" else [raw]
