"""A cluster of plain processes: no Docker engine, no image registry, no virtual machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.tools.cluster import (
    buildah,
    config,
    ctr,
    debian,
    images,
    kubectl,
    network,
    node,
    processes,
    programs,
    removal,
)
from tests.tools.cluster.addresses import Addresses
from tests.tools.cluster.components import Component, Layout, start_order
from tests.tools.cluster.files import write_files
from tests.tools.cluster.images import Image
from tests.tools.cluster.imagestore import BuiltImages
from tests.tools.cluster.progress import step
from tests.tools.cluster.provider import PartStatus
from tests.tools.cluster.state import (
    SLOTS,
    ClusterError,
    ClusterRecord,
    Profile,
    free_slot,
    lock,
    read_record,
    records,
    run_dir,
    write_record,
)

_START_SECONDS = 60.0  # for each program; on a busy machine many times what it takes alone


class BareCluster:
    """See provider.Cluster."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.image_prefix = buildah.PREFIX
        self._run = run_dir(name)

    @property
    def kubeconfig(self) -> Path:
        return self._run / "kubeconfig"

    def up(self, profile: Profile = "full", nodes: int = 1) -> None:
        nodes = nodes if profile == "full" else 0
        debian.require(debian.FULL if nodes else debian.CONTROL_PLANE)
        if nodes:
            node.check_folder(self._run, Path("/proc/self/mounts").read_text())
        programs.ensure(programs.ETCD)
        programs.ensure(programs.KUBERNETES)
        own_images = buildah.build([images.PAUSE, images.COREDNS]) if nodes else {}
        with lock(f"cluster-{self.name}"):
            record = read_record(self.name)
            if record and (record.profile, record.nodes) == (profile, nodes) and self._healthy():
                return
            if self._run.exists():
                self._remove()
            self._start(self._claim(profile, nodes), own_images)

    def down(self) -> None:
        with lock(f"cluster-{self.name}"):
            if self._run.exists():
                self._remove()

    def status(self) -> list[PartStatus]:
        record = read_record(self.name)
        if record is None:
            return []
        running = {(one.component, one.program): one.pid for one in processes.marked(self._run)}
        return [
            _part(one, running.get((one.name, one.program)))
            for group in start_order(self._layout(record))
            for one in group
        ]

    def load(self, images: Sequence[Image]) -> Mapping[str, str]:
        record = self._record()
        if not record.nodes:
            raise ClusterError(
                f"cluster {self.name} has no node to load images into: use the profile `full`."
            )
        built = buildah.build(images)
        self._load(self._layout(record), built)
        return {name: reference for reference, (name, _) in built.items()}

    def send_signal(self, component: str, number: signal.Signals) -> None:
        """Send a signal to one program, not to what it has started. ClusterError where it does not run."""
        one = self._component(component)
        pids = [
            process.pid
            for process in processes.marked(self._run)
            if (process.component, process.program) == (one.name, one.program)
        ]
        if not pids:
            raise ClusterError(f"{component} of cluster {self.name} does not run.")
        for pid in pids:
            os.kill(pid, number)

    def start(self, component: str) -> None:
        """Start one program that was killed, as `up` does, and wait until it answers."""
        one, record = self._component(component), self._record()
        holders = [node.holder(self._run, number) for number in self._layout(record).nodes]
        self._start_group([one], holders)

    def _component(self, name: str) -> Component:
        known = [one for group in start_order(self._layout(self._record())) for one in group]
        return next(one for one in known if one.name == name)

    def _record(self) -> ClusterRecord:
        if (record := read_record(self.name)) is None:
            raise ClusterError(f"cluster {self.name} does not run: start it with `make cluster`.")
        return record

    def _healthy(self) -> bool:
        return all(part.healthy for part in self.status())

    def _layout(self, record: ClusterRecord) -> Layout:
        return Layout(record, self._run, programs.program)

    def _remove(self) -> None:
        with step(f"removing cluster {self.name}"):
            removal.remove(self.name, self._run, read_record(self.name))

    def _claim(self, profile: Profile, nodes: int) -> ClusterRecord:
        """Take a slot and write the record: from here on `down` knows what may exist."""
        with lock("slots"):
            used = {record.slot for record in records()}
            others = {slot for slot in range(SLOTS) if slot not in used and network.in_use(Addresses(slot))}
            record = ClusterRecord(self.name, free_slot(used, others), profile, nodes)
            write_record(record)
        return record

    def _start(self, record: ClusterRecord, own_images: BuiltImages) -> None:
        layout = self._layout(record)
        with step("writing certificates and configuration"):
            write_files(layout, {name: reference for reference, (name, _) in own_images.items()})
        holders: list[int] = []
        if record.nodes:
            with step(f"making {record.nodes} node{'s' * (record.nodes > 1)}"):
                holders = [node.hold(layout, number, _environment()) for number in layout.nodes]
                network.connect(layout.addresses, holders)
        first, *others = start_order(layout)
        self._start_group(first, holders)
        self._load(layout, own_images)
        for group in others:
            self._start_group(group, holders)
        if record.nodes:
            with step("waiting for nodes and DNS"):
                kubectl.apply(layout.kubeconfig, layout.run / "addons.yaml")
                kubectl.wait_for_nodes_and_dns(layout.kubeconfig, record.nodes, seconds=_START_SECONDS)

    def _start_group(self, group: Sequence[Component], holders: Sequence[int]) -> None:
        with step("starting " + ", ".join(one.name for one in group)):
            for one in group:
                argv = node.inside(holders[one.node - 1], one.argv) if one.node else list(one.argv)
                processes.start(argv, component=one.name, run_dir=self._run, environment=_environment())
            for one in group:
                if one.probe is not None:
                    self._wait_for(one, one.probe)

    def _wait_for(self, component: Component, probe: str) -> None:
        log = processes.log_file(self._run, component.name)
        processes.wait_until(
            lambda: processes.answers(probe),
            seconds=_START_SECONDS,
            failure=lambda: f"{component.name} does not answer; {log} ends with\n{log.read_text()[-2000:]}",
        )

    def _load(self, layout: Layout, built: BuiltImages) -> None:
        for number in layout.nodes:
            with step(f"loading {', '.join(name for name, _ in built.values())} into node{number}"):
                ctr.load(config.containerd_socket(layout.node(number)), buildah.store(), built)


def _part(component: Component, pid: int | None) -> PartStatus:
    if pid is None:
        return PartStatus(component.name, False, "not running")
    healthy = component.probe is None or processes.answers(component.probe)
    return PartStatus(component.name, healthy, f"pid {pid}" if healthy else f"pid {pid} does not answer")


def _environment() -> dict[str, str]:
    """Of the machine's environment the programs need the search path only."""
    return {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
