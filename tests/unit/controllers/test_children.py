"""When a child is applied, left alone or refused; on an API server in memory."""

from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.controllers.children import Children, LeftOverError
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import ConflictError, DeniedError, InvalidError, NameConflictError
from taskfleet.kube.event import Event
from taskfleet.kube.resource_types import key_of
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, pool

SETTINGS = Key("ConfigMap", NAMESPACE, "settings")
PASSWORD = Key("Secret", NAMESPACE, "password")
OWNER = pool()


def reference(**changes: Any) -> Object:
    ours = {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "WorkerPool",
        "name": "mail",
        "uid": "uid-of-mail",
        "controller": True,
    }
    return ours | changes


def built(kind: str = "ConfigMap", *, owners: list[Object] | None = None, **data: str) -> Object:
    name = "settings" if kind == "ConfigMap" else "password"
    metadata = {"name": name, "namespace": NAMESPACE, "ownerReferences": owners or [reference()]}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}


class Scene:
    def __init__(self) -> None:
        self.server = ApiServer()
        self.cache = Cache()
        self.told: list[str] = []
        self.seconds = 0.0
        self.start()

    def start(self) -> None:
        """Another operator, which remembers nothing."""
        self.children = Children(self.server.gateway(), self.cache, self.tell, monotonic=lambda: self.seconds)

    async def tell(self, owner: Object, event: Event) -> None:
        assert owner == OWNER
        self.told.append(f"{event.reason}: {event.message}")

    def foreign(self, obj: Object) -> Object:
        """Somebody else's write, of which the watch has told."""
        stored = self.server.put(obj)
        self.cache.put(stored)
        return stored

    def change(self, key: Key, **changes: Any) -> None:
        self.foreign({**self.server.objects[key], **changes})

    async def ensure(self, obj: Object) -> Object:
        live = await self.children.find(key_of(obj), owner=OWNER)
        return await self.children.apply_if_changed(obj, live, owner=OWNER)


async def test_missing_child_is_made_and_then_left_alone() -> None:
    scene = Scene()
    for _ in range(3):
        live = await scene.ensure(built(a="1"))
        assert live["data"] == {"a": "1"}
    assert scene.server.writes == ["patch configmaps shop/settings by taskfleet"]


async def test_new_operator_leaves_what_an_earlier_one_made() -> None:
    scene = Scene()
    await scene.ensure(built(a="1"))
    scene.start()
    await scene.ensure(built(a="1"))
    assert len(scene.server.writes) == 1


async def test_foreign_change_of_our_field_is_put_back_and_of_another_left() -> None:
    scene = Scene()
    await scene.ensure(built(a="1"))
    scene.change(SETTINGS, data={"a": "theirs", "b": "theirs"})
    live = await scene.ensure(built(a="1"))
    assert live["data"] == {"a": "1", "b": "theirs"}
    await scene.ensure(built(a="1"))
    assert len(scene.server.writes) == 2


async def test_field_that_is_built_no_more_is_removed() -> None:
    scene = Scene()
    await scene.ensure(built(a="1", b="2"))
    assert (await scene.ensure(built(a="1")))["data"] == {"a": "1"}


async def test_stale_memory_writes_to_no_successor() -> None:
    scene = Scene()
    await scene.ensure(built(a="1"))
    scene.server.drop(SETTINGS)
    scene.server.put(built(owners=[reference(uid="another")]))
    with pytest.raises(ConflictError):
        await scene.ensure(built(a="2"))


@pytest.mark.parametrize(
    "owners",
    [
        pytest.param([], id="nobodys"),
        pytest.param([reference(kind="Deployment", uid="other")], id="another-controllers"),
        pytest.param([reference(controller=False)], id="ours-without-control"),
        pytest.param(
            [reference(apiVersion="eventing.example.dev/v1", uid="other")],
            id="another-groups-kind-of-our-name",
        ),
    ],
)
@pytest.mark.parametrize("known", [pytest.param(True, id="seen"), pytest.param(False, id="unseen")])
async def test_object_of_somebody_else_is_a_conflict_and_stays_as_it_is(
    owners: list[Object], known: bool
) -> None:
    scene = Scene()
    theirs = built(a="theirs")
    theirs["metadata"]["ownerReferences"] = owners
    before = scene.foreign(theirs) if known else scene.server.put(theirs)
    with pytest.raises(
        NameConflictError, match="ConfigMap 'settings' already exists and does not belong to this object"
    ):
        await scene.ensure(built(a="1"))
    assert scene.server.objects[SETTINGS] == before
    assert scene.server.writes == []


@pytest.mark.parametrize(
    "left",
    [
        pytest.param({"ownerReferences": [reference(uid="predecessor")]}, id="a-predecessors"),
        pytest.param(
            {"ownerReferences": [], "deletionTimestamp": "2026-01-01T00:00:00Z"}, id="foreign-that-goes"
        ),
        pytest.param({"deletionTimestamp": "2026-01-01T00:00:00Z"}, id="ours-that-goes"),
    ],
)
async def test_child_on_its_way_out_is_waited_for(left: Object) -> None:
    scene = Scene()
    leaving = built(a="1")
    scene.foreign({**leaving, "metadata": {**leaving["metadata"], **left}})
    with pytest.raises(LeftOverError):
        await scene.ensure(built(a="2"))
    assert scene.server.writes == []


async def test_retained_child_of_a_predecessor_counts_as_ours() -> None:
    scene = Scene()
    retained = built("Secret", password="x")
    retained["metadata"]["ownerReferences"] = []
    scene.server.put(retained)
    found = await scene.children.find(PASSWORD, owner=OWNER, retained=lambda _: True)
    assert found is not None
    assert found["data"] == {"password": "x"}


async def test_secret_is_read_each_time_and_never_remembered() -> None:
    scene = Scene()
    await scene.ensure(built("Secret", password="x"))
    scene.server.put({**scene.server.objects[PASSWORD], "data": {"password": "theirs"}})
    assert (await scene.ensure(built("Secret", password="x")))["data"] == {"password": "x"}
    scene.server.drop(PASSWORD)
    assert (await scene.ensure(built("Secret", password="x")))["data"] == {"password": "x"}
    assert scene.cache.keys("Secret") == []


class Normalizing(ApiServer):
    """Stores upper-case what was sent in lower case, as the real one stores 1 for "1000m"."""

    def _store(self, key: Key, obj: Object) -> Object:
        field = "data" if "data" in obj else "spec"
        return super()._store(key, {**obj, field: {k: v.upper() for k, v in obj[field].items()}})


@pytest.fixture
def normalizing() -> Scene:
    scene = Scene()
    scene.server = Normalizing()
    scene.start()
    return scene


def budget() -> Object:
    """Of a kind that counts generations, unlike a ConfigMap."""
    settings = built()
    del settings["data"]
    return {**settings, "kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "spec": {"a": "x"}}


@pytest.mark.parametrize(
    "obj", [pytest.param(built(a="x"), id="configmap"), pytest.param(budget(), id="budget")]
)
async def test_value_that_is_stored_in_another_form_is_applied_once(normalizing: Scene, obj: Object) -> None:
    for _ in range(3):
        await normalizing.ensure(obj)
    assert len(normalizing.server.writes) == 1


@pytest.mark.parametrize(
    ("obj", "field"),
    [
        pytest.param(built(a="x"), "data", id="configmap"),
        pytest.param(budget(), "spec", id="budget"),
        pytest.param(budget(), "annotations", id="metadata-of-a-budget"),
    ],
)
async def test_foreign_change_is_put_back_also_where_a_value_is_stored_in_another_form(
    normalizing: Scene, obj: Object, field: str
) -> None:
    applied = await normalizing.ensure(obj)
    if field == "annotations":
        changed: Object = {"metadata": {**applied["metadata"], "annotations": {}}}
    else:
        changed = {field: {"a": "theirs"}}
    normalizing.change(key_of(applied), **changed)
    live = await normalizing.ensure(obj)
    assert (live.get(field), live["metadata"]["annotations"]) == (
        applied.get(field),
        applied["metadata"]["annotations"],
    )


async def test_refusal_of_what_was_never_accepted_is_passed_on() -> None:
    scene = Scene()
    scene.server.refuse("patch", "configmaps", status=422, reason="Invalid", message="data: too long")
    for _ in range(2):
        with pytest.raises(InvalidError, match="data: too long"):
            await scene.ensure(built(a="1"))
    assert len(scene.server.writes) == 1, "asked again, the API server would say the same"
    scene.server.accept()
    await scene.ensure(built(a="2"))
    assert scene.server.objects[SETTINGS]["data"] == {"a": "2"}


async def test_child_is_removed_once_and_only_if_it_is_ours() -> None:
    scene = Scene()
    await scene.ensure(built(a="1"))
    await scene.children.remove(SETTINGS, owner=pool(meta={"uid": "another"}))
    assert SETTINGS in scene.server.objects
    await scene.children.remove(SETTINGS, owner=OWNER)
    assert SETTINGS not in scene.server.objects


async def test_child_that_never_was_or_goes_already_is_not_removed() -> None:
    scene = Scene()
    await scene.children.remove(SETTINGS, owner=OWNER)
    leaving = built(a="1")
    scene.foreign(
        {**leaving, "metadata": {**leaving["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    )
    await scene.children.remove(SETTINGS, owner=OWNER)
    assert scene.server.writes == []


def orphan(**labels: str) -> Object:
    """A child that we made and that nobody controls any more, as a restore or --cascade=orphan leaves it."""
    obj = built(a="old")
    ours = {"taskfleet.dev/managed": "true", "taskfleet.dev/pool": "mail", **labels}
    annotations = {"taskfleet.dev/applied-hash": "of-before"}
    obj["metadata"] |= {"ownerReferences": [], "labels": ours, "annotations": annotations}
    return obj


@pytest.mark.parametrize("known", [pytest.param(True, id="seen"), pytest.param(False, id="unseen")])
async def test_our_own_orphan_is_adopted(known: bool) -> None:
    scene = Scene()
    before = scene.foreign(orphan()) if known else scene.server.put(orphan())
    live = await scene.ensure(built(a="1"))
    assert live["metadata"]["uid"] == before["metadata"]["uid"]
    assert live["metadata"]["ownerReferences"] == [reference()]
    assert live["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param(
            {"labels": {"taskfleet.dev/managed": "true", "taskfleet.dev/pool": "other"}},
            "it has no label taskfleet.dev/pool=mail",
            id="another-pools",
        ),
        pytest.param({"labels": {}}, "it has no label taskfleet.dev/managed=true", id="without-labels"),
        pytest.param(
            {"annotations": {}}, "it has no annotation taskfleet.dev/applied-hash", id="without-hash"
        ),
        pytest.param(
            {"ownerReferences": [reference(kind="Deployment", name="x", uid="other")]},
            "its controller is Deployment 'x'",
            id="controlled",
        ),
    ],
)
async def test_the_message_says_why_it_is_somebody_elses(changes: Object, why: str) -> None:
    scene = Scene()
    theirs = orphan()
    theirs["metadata"] |= changes
    scene.foreign(theirs)
    with pytest.raises(NameConflictError, match=f"does not belong to this object: {why}"):
        await scene.ensure(built(a="1"))


async def test_a_revert_is_told_with_who_wrote_and_who_goes_on_is_met_at_growing_intervals() -> None:
    scene = Scene()
    await scene.ensure(built(a="1"))
    theirs = {"manager": "kyverno", "operation": "Update", "time": "2026-01-01T00:00:00Z"}

    async def change() -> str:
        live = scene.server.objects[SETTINGS]
        entry = {**theirs, "fieldsV1": {"f:data": {"f:a": {}}}}
        scene.change(SETTINGS, data={"a": "theirs"}, metadata={**live["metadata"], "managedFields": [entry]})
        return str((await scene.ensure(built(a="1")))["data"]["a"])

    assert await change() == "1"
    assert scene.told == [
        (
            "ChangeReverted: 'kyverno' (Update) changed data.a of ConfigMap 'settings', and the "
            "operator reverted it. Change the WorkerPool instead, or stop that client from changing "
            "this object."
        )
    ]
    assert scene.children.take_due(OWNER) is None
    assert await change() == "theirs", "2 s have to pass"
    assert scene.children.take_due(OWNER) == 2.0
    scene.seconds = 2.0
    assert await change() == "1"
    scene.seconds = 5.0
    assert await change() == "theirs", "4 s have to pass"
    assert (await scene.ensure(built(a="2")))["data"]["a"] == "2", "a change of ours waits for nobody"


class Relabelling(ApiServer):
    """With a webhook that gives every object a manager of its own."""

    def _store(self, key: Key, obj: Object) -> Object:
        metadata = obj["metadata"]
        labels = {**(metadata.get("labels") or {}), "taskfleet.dev/managed": "platform"}
        return super()._store(key, {**obj, "metadata": {**metadata, "labels": labels}})


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
async def test_what_a_webhook_changes_of_our_metadata_is_told_and_not_written_again(kind: str) -> None:
    scene = Scene()
    scene.server = Relabelling()
    scene.start()
    obj = built(kind, a="1")
    obj["metadata"]["labels"] = {"taskfleet.dev/managed": "true"}
    for _ in range(3):
        await scene.ensure(obj)
    assert len(scene.server.writes) == 1
    (told,) = scene.told
    assert told.startswith(
        f"FieldOverridden: metadata.labels.taskfleet.dev/managed of {kind} '{obj['metadata']['name']}' is stored"
    )
    assert "sees changes late without it. Exempt the label." in told
    scene.start()
    await scene.ensure(obj)
    assert len(scene.server.writes) == 2, "a new operator tries it once"
    assert not any("ChangeReverted" in each for each in scene.told)


@pytest.mark.parametrize(
    "message",
    [
        'admission webhook "validate.example.com" denied the request: no',
        "deployments.apps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    ],
)
@pytest.mark.parametrize("status", [400, 403, 422])
async def test_a_denial_is_none_of_the_object_whatever_its_code_and_is_asked_for_again(
    message: str, status: int
) -> None:
    scene = Scene()
    await scene.ensure(built(a="1"))
    scene.server.refuse("patch", "configmaps", status=status, reason="Invalid", message=message)
    for _ in range(2):
        with pytest.raises(DeniedError):
            await scene.ensure(built(a="2"))
    assert len(scene.server.writes) == 3
