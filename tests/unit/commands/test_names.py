"""Objects are named as with kubectl."""

import pytest

from taskfleet.api import KINDS
from taskfleet.api.kinds import KindInfo
from taskfleet.commands.names import object_name


@pytest.mark.parametrize("value", ["mail", "wp/mail", "workerpool/mail", "workerpools/mail"])
def test_a_pool_is_named_as_with_kubectl(value: str) -> None:
    assert object_name("WorkerPool", value) == "mail"


@pytest.mark.parametrize("value", ["", "wp/", "pod/mail", "a/b/c", "tq/mail"])
def test_anything_else_is_refused_with_the_expected_form(value: str) -> None:
    with pytest.raises(ValueError, match=f"invalid WorkerPool '{value}': expected wp/NAME"):
        object_name("WorkerPool", value)


@pytest.mark.parametrize("info", KINDS, ids=lambda info: info.kind)
def test_every_kind_has_its_names(info: KindInfo) -> None:
    for prefix in (*info.short_names, info.plural, info.kind.lower()):
        assert object_name(info.kind, f"{prefix}/x") == "x"
