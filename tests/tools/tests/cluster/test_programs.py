from pathlib import Path

import pytest

from tests.tools.cluster import programs
from tests.tools.cluster.programs import KUBERNETES, MODULES, Module
from tests.tools.cluster.state import ClusterError


def test_the_api_server_reports_the_version_that_is_pinned() -> None:
    assert programs.version(KUBERNETES) == "v1.34.4"
    assert "-X k8s.io/component-base/version.gitVersion=v1.34.4" in programs.linker_flags(KUBERNETES)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_module_is_pinned_down_to_its_checksums(module: Module) -> None:
    own = module.requires is None
    assert (module.folder / "go.mod").exists()
    assert own or (module.folder / "go.sum").exists()
    assert own or programs.version(module).startswith("v")


def test_another_pin_makes_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Module, "folder", tmp_path)
    (tmp_path / "go.mod").write_text("module x\n\nrequire example.org/y v1.0.0\n")
    module = Module("x", ("x",), "example.org/y")
    before = programs.digest(module)
    assert programs.digest(module) == before
    (tmp_path / "go.mod").write_text("module x\n\nrequire example.org/y v1.0.1\n")
    assert programs.digest(module) != before


def test_another_replaced_file_makes_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Module, "folder", tmp_path)
    (tmp_path / "go.mod").write_text("module x\n\nrequire example.org/y v1.0.0\n")
    plain = programs.digest(Module("x", ("x",)))
    without = programs.digest(Module("x", ("x",), replaced={"example.org/y/a.go": None}))
    instead = programs.digest(Module("x", ("x",), replaced={"example.org/y/a.go": "b.go.txt"}))
    assert len({plain, without, instead}) == 3


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_replacement_is_a_file_of_the_module(module: Module) -> None:
    assert [name for name in module.replaced.values() if name and not (module.folder / name).is_file()] == []


def test_an_unknown_program_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(ClusterError, match=r"no program 'kubect'.*kubectl"):
        programs.program("kubect")
