"""Programs built from the Go modules pinned below go/, with the Go toolchain that PyPI has.

A built program lies in the cache under a name derived from everything it is made of, so it is built once
for each version. The build happens in a temporary folder that is renamed when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools.cluster.progress import step
from tests.tools.cluster.state import ClusterError, cache_dir, lock

_HERE = Path(__file__).parent
_GO_LOCK = _HERE.parents[2] / "requirements" / "go.txt"


@dataclass(frozen=True)
class Module:
    """A folder below go/ and the programs that it makes."""

    name: str
    programs: tuple[str, ...]
    requires: str | None = None  # the module that its version is taken from
    packages: str = "tool"  # everything in the `tool` block of go.mod
    built_as: dict[str, str] = field(default_factory=dict)  # where the package's name is another
    # Files of dependencies, and the file of this folder that is built in their place; None: nothing.
    replaced: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return _HERE / "go" / self.name


KUBERNETES = Module(
    "kubernetes",
    ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
    "k8s.io/kubernetes",
)
ETCD = Module("etcd", ("etcd",), "go.etcd.io/etcd/server/v3", built_as={"etcd": "server"})
COREDNS = Module("coredns", ("coredns",), "github.com/coredns/coredns")
PAUSE = Module("pause", ("pause",), packages=".")
HELM = Module("helm", ("helm",), "helm.sh/helm/v3")
KUBECONFORM = Module("kubeconform", ("kubeconform",), "github.com/yannh/kubeconform")
KUBE_SCORE = Module("kube-score", ("kube-score",), "github.com/zegl/kube-score")
_VALE_LINT = "github.com/vale-cli/vale/v3/internal/lint"
VALE = Module(
    "vale",
    ("vale",),
    "github.com/vale-cli/vale/v3",
    replaced={f"{_VALE_LINT}/code_ts.go": "without_tree_sitter.go.txt", f"{_VALE_LINT}/fragment.go": None},
)
HEALTH = Module("health", ("health",), packages=".")
KIND = Module("kind", ("kind",), "sigs.k8s.io/kind")
ACTIONLINT = Module("actionlint", ("actionlint",), "github.com/rhysd/actionlint")
CRANE = Module("crane", ("crane",), "github.com/google/go-containerregistry")
COSIGN = Module("cosign", ("cosign",), "github.com/sigstore/cosign/v2")
MODULES = (
    *(KUBERNETES, ETCD, COREDNS, PAUSE, HELM, KIND),
    *(KUBECONFORM, KUBE_SCORE, VALE, ACTIONLINT, HEALTH, CRANE, COSIGN),
)


def program(name: str) -> Path:
    """The path of a program, built first where the cache does not have it."""
    for module in MODULES:
        if name in module.programs:
            return ensure(module) / name
    known = ", ".join(name for module in MODULES for name in module.programs)
    raise ClusterError(f"no program {name!r} is built here; known are {known}.")


def folder(module: Module) -> Path:
    """Where the cache has a module's programs once they are built."""
    return cache_dir() / "programs" / f"{module.name}-{digest(module)}"


def ensure(module: Module) -> Path:
    """The folder with a module's programs, built first where the cache does not have it."""
    built = folder(module)
    if built.exists():
        return built
    with lock(f"program-{module.name}"):
        if not built.exists():
            go = _toolchain()
            with step(f"building {module.name} {version(module)}".strip() + ", this once"):
                _build(module, go, built)
    return built


def digest(module: Module) -> str:
    """Of everything a program is made of: sources and pins, toolchain, and the flags in this file."""
    sha = hashlib.sha256(_GO_LOCK.read_bytes() + " ".join(linker_flags(module)).encode())
    for path in sorted(module.folder.iterdir()):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    for replaced in sorted(module.replaced):
        sha.update(f"{replaced}\0{module.replaced[replaced]}".encode())
    return sha.hexdigest()[:12]


def version(module: Module) -> str:
    """The version that go.mod pins; empty for a program of this repository."""
    if module.requires is None:
        return ""
    pattern = rf"^\s*(?:require )?{re.escape(module.requires)} (v\S+)"
    match = re.search(pattern, (module.folder / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise ClusterError(f"{module.folder}/go.mod does not require {module.requires}.")
    return match[1]


def linker_flags(module: Module) -> list[str]:
    flags = ["-s", "-w"]
    if module is KUBERNETES:  # reports v0.0.0 otherwise
        full = version(module)
        major, minor = full.lstrip("v").split(".")[:2]
        values = {"gitVersion": full, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        flags += [f"-X k8s.io/component-base/version.{key}={value}" for key, value in values.items()]
    return flags


def _build(module: Module, go: Path, folder: Path) -> None:
    temporary = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    flags = ["-trimpath", "-ldflags", " ".join(linker_flags(module))]
    with _source(module, go) as source:
        _go(go, module, source, "build", *flags, "-o", f"{temporary}/", module.packages)
    for name, built in module.built_as.items():
        (temporary / built).rename(temporary / name)
    temporary.rename(folder)


@contextmanager
def _source(module: Module, go: Path) -> Iterator[Path]:
    """The module's folder; where files are replaced a copy with vendor/, because Go's own cache must not change."""
    if not module.replaced:
        yield module.folder
        return
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=f"{module.name}-") as temporary:
        copy = Path(shutil.copytree(module.folder, Path(temporary) / "source"))
        _go(go, module, copy, "mod", "vendor")
        for path, replacement in module.replaced.items():
            (copy / "vendor" / path).unlink()
            if replacement is not None:
                shutil.copy(copy / replacement, copy / "vendor" / path)
        yield copy


def _go(go: Path, module: Module, folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    flags = environment.get("GOFLAGS", "")
    environment["GOFLAGS"] = f"{flags} -buildvcs=false".strip()
    result = subprocess.run(
        [str(go), *arguments], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    if result.returncode != 0:
        raise ClusterError(
            f"`go {arguments[0]}` of {module.name} failed; run the command again.\n{result.stderr[-2000:]}"
        )


def _toolchain() -> Path:
    """The `go` program, installed from the hash-pinned lock file into an environment of its own."""
    folder = cache_dir() / "go" / hashlib.sha256(_GO_LOCK.read_bytes()).hexdigest()[:12]
    with lock("go"):
        if not (folder / "complete").exists():
            with step("installing the Go toolchain"):
                subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
                pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
                pip += ["--disable-pip-version-check", "--require-hashes", "-r", str(_GO_LOCK)]
                subprocess.run(pip, check=True)
                (folder / "complete").touch()
    return folder / "bin" / "go"
