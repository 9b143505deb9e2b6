"""What becomes of a size that others write, or that is refused."""

from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.kube.field_writers import FieldWriter, latest_writer, other_writer
from taskfleet.scaling.backoff import Backoff
from taskfleet.scaling.size import Size, SizeNews

RIVAL = FieldWriter("hpa", "Update", "scale", "2026-01-01T00:00:00Z")


def test_tries_grow_apart_up_to_a_minute_and_start_anew_after_quiet() -> None:
    now, waits, backoff = 0.0, [], Backoff()
    for _ in range(8):
        backoff = backoff.failed(now)
        waits.append(backoff.until - now)
        now = backoff.until
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert backoff.failed(now + 119.0).failures == 9
    assert backoff.failed(now + 120.0).failures == 1


def test_first_foreign_size_is_put_back_at_once_and_later_ones_are_held() -> None:
    size = Size(known=5)
    assert not size.is_held(2, now=0.0)
    size.note_overwritten(RIVAL, ours=5, found=2, now=0.0)
    size.note_written(2, 5, "")
    assert size.contested is None
    assert size.is_held(2, now=1.0)
    assert not size.is_held(5, now=1.0), "an own size changes whenever the load does"
    assert not size.is_held(2, now=2.0)
    size.note_overwritten(RIVAL, ours=5, found=2, now=2.0)
    assert size.contested is not None
    assert (size.contested.ours, size.contested.found) == (5, 2)
    told = size.news
    assert told.overwritten == size.overwritten
    size.note_written(2, 6, "")
    size.reported(told)
    assert size.news == SizeNews(resized=(2, 6, ""))


def test_a_contest_is_over_when_the_size_has_stood_for_two_minutes() -> None:
    size = Size(known=5)
    for now in (0.0, 10.0):
        size.note_overwritten(RIVAL, ours=5, found=2, now=now)
        size.note_written(2, 5, "")
    assert not size.settle(5, 5, now=133.0)
    assert size.settle(5, 5, now=134.0)
    assert size.contested is None


def test_a_refusal_is_over_when_the_refused_size_is_wanted_no_more() -> None:
    size = Size(known=2)
    for now in (0.0, 2.0):
        size.note_refused("no", now=now)
    assert size.is_held(2, now=3.0)
    assert size.settle(2, 2, now=3.0)
    assert size.refusal is None
    assert not size.is_held(2, now=3.0)


def managed(*entries: tuple[str, str, Object], **more: Any) -> Object:
    """An object with managedFields of (manager, time, fields)."""
    made = [
        {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}
        for manager, time, fields in entries
    ]
    return {"metadata": {"managedFields": made}}


LABELS: Object = {"f:metadata": {"f:labels": {"f:app.kubernetes.io/managed-by": {}}}}
IMAGE: Object = {"f:spec": {"f:containers": {'k:{"name":"worker"}': {".": {}, "f:image": {}}}}}
WHOLE: Object = {"f:spec": {"f:tolerations": {}}}


@pytest.mark.parametrize(
    ("fields", "path", "owns"),
    [
        pytest.param(LABELS, "metadata.labels.app.kubernetes.io/managed-by", True, id="dots-in-a-key"),
        pytest.param(LABELS, "metadata.labels.app", False, id="a-part-of-a-key"),
        pytest.param(IMAGE, "spec.containers[3].image", True, id="in-a-list"),
        pytest.param(IMAGE, "spec.containers[3].imagePullPolicy", False, id="a-longer-name"),
        pytest.param(WHOLE, "spec.tolerations[0].key", True, id="an-atomic-list"),
    ],
)
def test_owner_of_a_field_is_found_by_its_path(fields: Object, path: str, owns: bool) -> None:
    live = managed(("them", "2026-01-01T00:00:00Z", fields))
    assert (other_writer(live, path) is not None) == owns


def test_neither_ours_nor_a_status_is_another_writer_and_the_newest_counts() -> None:
    size: Object = {"f:spec": {"f:replicas": {}}}
    assert other_writer(managed(("taskfleet-scale", "3", size)), "spec.replicas") is None
    assert latest_writer(managed(("kubelet", "3", size), subresource="status")) is None
    live = managed(("old", "1", size), ("new", "2", size), ("taskfleet", "3", size))
    assert str(other_writer(live, "spec.replicas")) == "'new' (Update)"
    assert str(FieldWriter.of({"manager": "x", "operation": "Update", "subresource": "scale"})) == (
        "'x' (Update of scale)"
    )
