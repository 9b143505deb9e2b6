"""The chart's dashboards: their metrics, labels, reasons and variables exist, and the reference lists their panels."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from taskfleet.api.kinds import KINDS
from taskfleet.api.reasons import BrokerReason, ConditionType, PoolReason, QueueReason, Reason, ScheduleReason
from tests.unit.dashboards.exposed import exposed_labels

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "charts/taskfleet/files/dashboards").glob("*.json"))
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in FILES}
REFERENCE = (ROOT / "docs/reference/dashboards.md").read_text()
METRICS = (ROOT / "docs/reference/metrics.md").read_text()
EXPOSED = exposed_labels()
FROM_PROMETHEUS = {"instance"}
EVERY_LABEL = set[str]().union(*EXPOSED.values(), FROM_PROMETHEUS)
FROM_GRAFANA = {"__rate_interval"}
QUESTIONS = re.compile(r"(What is slow|What fails|Is anything stuck|Why this size)\? [A-Z1].*\.")
REASONS = (Reason, PoolReason, BrokerReason, QueueReason, ScheduleReason)
VALUES = {
    "kind": {row.kind for row in KINDS},
    "type": {one.value for one in ConditionType},
    "reason": {one.value for kind in REASONS for one in kind},
}
METRIC = re.compile(r"\b((?:taskfleet|celery)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')

Dashboard = dict[str, Any]
every_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)


def targets(dashboard: Dashboard) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every query, with the panel's title for the message of a test."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def variables(dashboard: Dashboard) -> Mapping[str, Mapping[str, Any]]:
    return {each["name"]: each for each in dashboard["templating"]["list"]}


def variable_queries(dashboard: Dashboard) -> Iterator[str]:
    for each in variables(dashboard).values():
        if each["type"] == "query":
            yield each["query"]["query"]


def in_parentheses(text: str) -> str:
    """Up to the parenthesis that closes what `text` begins in."""
    depth = 1
    for at, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return text[:at]
    raise AssertionError(f"never closed: {text}")


def groupings(expression: str) -> Iterator[tuple[set[str], str]]:
    """Labels and operand of each `by (...) (...)`."""
    for found in re.finditer(r"\bby \(([^)]*)\) \(", expression):
        yield set(found[1].split(", ")), in_parentheses(expression[found.end() :])


@every_dashboard
def test_panels_ask_for_metrics_and_labels_that_are_exported(dashboard: Dashboard) -> None:
    for title, target in targets(dashboard):
        asked = METRIC.findall(target["expr"])
        assert asked, title
        for metric, matchers in asked:
            assert metric in EXPOSED, f"{title}: {metric}"
            names = {name for name, _ in MATCHER.findall(matchers)}
            assert names <= EXPOSED[metric], f"{title}: {metric}{{{matchers}}}"
        for labels, operand in groupings(target["expr"]):
            for metric, _ in METRIC.findall(operand):
                assert labels <= EXPOSED[metric] | FROM_PROMETHEUS, f"{title}: {metric} by {labels}"


@every_dashboard
def test_every_metric_of_a_panel_is_documented(dashboard: Dashboard) -> None:
    for title, target in targets(dashboard):
        for metric, _ in METRIC.findall(target["expr"]):
            assert f"`{re.sub('_(bucket|sum|count)$', '', metric)}" in METRICS, f"{title}: {metric}"


@every_dashboard
def test_conditions_and_reasons_of_panels_exist(dashboard: Dashboard) -> None:
    for title, target in targets(dashboard):
        for _, matchers in METRIC.findall(target["expr"]):
            for name, value in MATCHER.findall(matchers):
                if name in VALUES:
                    assert set(value.split("|")) <= VALUES[name], title


@every_dashboard
def test_legends_name_labels_that_the_query_keeps(dashboard: Dashboard) -> None:
    for title, target in targets(dashboard):
        kept = set.intersection(*(labels for labels, _ in groupings(target["expr"])), EVERY_LABEL)
        assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= kept, title


@every_dashboard
def test_series_of_a_former_leader_are_not_added(dashboard: Dashboard) -> None:
    """They stay for five minutes if its pod dies: a gauge that is summed as it is would count a pool twice."""
    for title, target in targets(dashboard):
        for metric in re.findall(r"\bsum(?: by \([^)]*\) )?\((\w+)[{)]", target["expr"]):
            assert metric == "taskfleet_leader" or metric.endswith("_total"), title


@every_dashboard
def test_variables_of_queries_are_chosen_at_the_top_and_each_is_used(dashboard: Dashboard) -> None:
    queries = [target["expr"] for _, target in targets(dashboard)]
    asked = set(re.findall(r"\$(\w+)", " ".join([*queries, *variable_queries(dashboard)])))
    assert asked - FROM_GRAFANA == set(variables(dashboard)) - {"datasource"}


@every_dashboard
def test_variables_offer_values_that_are_exported(dashboard: Dashboard) -> None:
    for query in variable_queries(dashboard):
        found = re.fullmatch(r"label_values\((\w+)(?:\{(.*)\})?, (\w+)\)", query)
        assert found, query
        labels = {found[3], *(name for name, _ in MATCHER.findall(found[2] or ""))}
        assert labels <= EXPOSED[found[1]], query


@every_dashboard
def test_panels_use_the_data_source_that_is_chosen_at_the_top(dashboard: Dashboard) -> None:
    assert variables(dashboard)["datasource"]["type"] == "datasource"
    for each in (
        *dashboard["panels"],
        *(one for one in variables(dashboard).values() if "datasource" in one),
    ):
        assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_dashboards_have_names_of_their_own() -> None:
    assert set(DASHBOARDS) == {"fleet", "pool", "queue", "task", "schedules", "operator"}
    assert {name: each["uid"] for name, each in DASHBOARDS.items()} == {
        name: f"taskfleet-{name}" for name in DASHBOARDS
    }
    assert len({each["title"] for each in DASHBOARDS.values()}) == len(DASHBOARDS)


@every_dashboard
def test_panels_have_ids_and_places_of_their_own(dashboard: Dashboard) -> None:
    panels = dashboard["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for each in panels:
        place = each["gridPos"]
        across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(x, y) for x in across for y in down}
        assert across.stop <= 24, each["title"]
        assert not cells & taken, each["title"]
        taken |= cells


@every_dashboard
def test_links_lead_to_dashboards_of_the_chart(dashboard: Dashboard) -> None:
    linked = set(re.findall(r"/d/([\w-]+)\?", json.dumps(dashboard)))
    assert linked <= {each["uid"] for each in DASHBOARDS.values()}


@every_dashboard
def test_every_panel_answers_a_question_that_the_reference_lists(dashboard: Dashboard) -> None:
    name = dashboard["title"].removeprefix("Taskfleet / ")
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert section, name
    listed = re.findall(r"^\| (.+?) \| (.+?) \|$", section[1], re.MULTILINE)
    assert listed[1:] == [(each["title"], each["description"]) for each in dashboard["panels"]]
    assert all(QUESTIONS.fullmatch(question) for _, question in listed[1:])
