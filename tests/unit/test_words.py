"""What users read: one version is named everywhere, and messages use the words of the glossary."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prometheus_client import Metric

from taskfleet.metrics import REGISTRY
from taskfleet.scaling.pool_metrics import PoolMetrics
from tests.tools import prose

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    *REPOSITORY.glob("*.md"),
    *(
        path
        for folder in ("docs", "examples", "worker-image")
        for path in (REPOSITORY / folder).rglob("*.md")
    ),
]
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
_CALQUES = yaml.safe_load((prose.ROOT / "tests/tools/styles/Taskfleet/Calques.yml").read_text())
BANNED = re.compile("|".join(_CALQUES["tokens"]), re.IGNORECASE)
# Names that users matched on before the first release, and the term of the glossary that replaced each.
REPLACED = {
    "NothingTaken": "NoEarlyRedelivery",
    "TakenByOthers": "RedeliveredWhileRunning",
    "TimeoutsAgree": "VisibilityTimeoutsMatch",
    "MemoryEnough": "SufficientMemory",
    "PoolReads": "ConsumedByPool",
    "OthersRead": "ConsumedExternally",
    "NoPool": "NoConsumer",
    "NotTakenUp": "Pending",
    "BeatRuns": "BeatRunning",
    "SecondBeat": "DuplicateBeat",
    "QueuesTakeTurns": "QueueOrderNotSupported",
    "AtZero": "ScaledToZero",
    "PodsRefused": "PodCreationFailed",
    "OnlyOnRedis": "RedisRequired",
    "givenBack": "requeued",
    "expiredGivenBack": "expiredRequeued",
    "expiredKept": "expiredUnroutable",
    "unreadQueues": "unconsumedQueues",
    "taskfleet_reconciles(?:_total)?": "taskfleet_reconcile_total",
    "(?:taskfleet_)?queue_length": "taskfleet_workqueue_depth",
    "(?:taskfleet_)?first_look_seconds": "taskfleet_initial_sync_seconds",
    r"(?:taskfleet_)?\w*messages_given_back\w*": "taskfleet_messages_requeued_total",
    r"(?:taskfleet_)?messages_set_aside\w*": "taskfleet_messages_dead_lettered_total",
    r"(?:taskfleet_)?unread_queues": "taskfleet_unconsumed_queues",
    r"(?:taskfleet_)?tick_seconds": "taskfleet_poll_seconds",
}
TEXT = {".py", ".md", ".yaml", ".yml", ".tpl", ".txt", ".toml", ".sh", ".json", ".html"}
OPERATOR = REPOSITORY / "operator/taskfleet"
# Where a reason is the first, second or third argument.
SPOKEN = {"Event": 0, "Trouble": 0, "AddressError": 0, "ready": 1, "condition": 2}


class _NoPools:
    """A scaling loop without pools: the families are there all the same."""

    def pools(self) -> tuple[()]:
        return ()


METRICS = [*REGISTRY.collect(), *PoolMetrics(cast(Any, _NoPools()), cast(Any, None)).collect()]


def test_the_chart_is_of_the_version_that_it_installs() -> None:
    chart = yaml.safe_load((REPOSITORY / "charts/taskfleet/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_examples_name_images_of_this_version() -> None:
    files = [*(REPOSITORY / "examples").rglob("*.yaml"), *(REPOSITORY / "examples").rglob("Dockerfile")]
    named = {tag for path in files for tag in re.findall(r"taskfleet-\w+:(\S+)", path.read_text())}
    assert named == {VERSION}


def test_the_changelog_knows_this_version() -> None:
    assert f"## {VERSION}" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_a_fleet_takes_fifteen_lines() -> None:
    manifest = (REPOSITORY / "examples/quickstart/workerpool.yaml").read_text()
    assert len(manifest.splitlines()) <= 15
    assert yaml.safe_load(manifest)["kind"] == "WorkerPool"


@pytest.mark.parametrize("path", prose.modules(), ids=lambda path: path.stem)
def test_messages_have_no_banned_word(path: Path) -> None:
    assert [text for _, text in prose.messages(path) if BANNED.search(text)] == []


@pytest.mark.parametrize("path", sorted((REPOSITORY / "crds").glob("*.yaml")), ids=lambda path: path.stem)
def test_crds_have_no_banned_word(path: Path) -> None:
    texts = [" ".join(text.split()) for _, text in prose.descriptions(path)]
    assert texts
    assert [text for text in texts if BANNED.search(text)] == []


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        pytest.param("The queue is no list", True, id="is-no"),
        pytest.param("Nobody reads the queue", True, id="nobody"),
        pytest.param("2 messages were given back", True, id="given-back"),
        pytest.param("By default there is no deadline", False, id="there-is-no"),
        pytest.param("The pod is no longer ready", False, id="no-longer"),
        pytest.param("2 messages were requeued", False, id="requeued"),
    ],
)
def test_a_banned_word_is_found(text: str, banned: bool) -> None:
    assert bool(BANNED.search(text)) == banned


def test_reasons_come_from_the_enums() -> None:
    literal = [
        f"{path.name}:{call.lineno}"
        for path in OPERATOR.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in SPOKEN
        for argument in call.args[SPOKEN[call.func.id] :][:1]
        if isinstance(argument, ast.Constant | ast.JoinedStr)
    ]
    assert literal == []


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metrics_follow_the_rules_of_prometheus(metric: Metric) -> None:
    exposed = f"{metric.name}_total" if metric.type == "counter" else metric.name
    assert re.fullmatch(r"taskfleet(_[a-z0-9]+)+", exposed)
    assert exposed.endswith("_total") == (metric.type == "counter")
    words = exposed.removesuffix("_total").split("_")
    assert not {"seconds", "bytes"} & {*words[:-1]}, "the unit comes last"
    assert not {"ms", "milliseconds", "minutes", "hours", "kib", "mib", "megabytes", "percent"} & {*words}
    assert (metric.type == "histogram") <= (words[-1] in {"seconds", "bytes"})
    assert re.fullmatch(r"[A-Z1].*\.", metric.documentation)
    assert not BANNED.search(metric.documentation)


def test_replaced_names_are_gone() -> None:
    """API and metrics have one name for each thing; an old one misleads whoever searches for it."""
    old = re.compile(rf"\b(?:{'|'.join(REPLACED)})\b")
    found = {
        f"{path.relative_to(REPOSITORY)}: {match[0]}"
        for path in _text_files()
        for match in old.finditer(path.read_text(errors="replace"))
    }
    assert found == set()


def test_the_glossary_has_at_most_fifty_terms_and_the_tree_uses_each() -> None:
    rows = re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \|$",
        (REPOSITORY / "docs/reference/glossary.md").read_text(),
        re.MULTILINE,
    )
    terms = [term for term, *_ in rows if term != "term"]
    text = "\n".join(
        path.read_text() for path in (*PAGES, *OPERATOR.rglob("*.py")) if path.name != "glossary.md"
    )
    text = text.replace("_", " ").casefold()
    assert 0 < len(terms) <= 50
    assert terms == sorted(terms, key=str.casefold)
    assert [term for term in terms if term.split(" (")[0].casefold() not in text] == []


def _text_files() -> Iterator[Path]:
    folders = ("charts", "crds", "docs", "examples", "operator", "tests", "worker-image")
    for path in (
        *REPOSITORY.glob("*.md"),
        *(path for folder in folders for path in (REPOSITORY / folder).rglob("*")),
    ):
        if path.suffix in TEXT and path.is_file() and path != Path(__file__):
            yield path
