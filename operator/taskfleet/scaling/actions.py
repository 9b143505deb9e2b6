"""Carrying out moves: drain leases at the broker, marks on pods, the size of the Deployment. In an order that is safe to stop."""

from collections.abc import Mapping

from taskfleet.api import Key, Object
from taskfleet.brokers.transport import Drains
from taskfleet.kube.errors import ApiError
from taskfleet.kube.field_writers import FieldWriter
from taskfleet.kube.gateway import Gateway
from taskfleet.scaling.pods import DELETION_COST, FIRST_TO_GO
from taskfleet.scaling.scale_plan import ScalePlan
from taskfleet.scaling.writer import ReplicaWriter

RENEW_SECONDS = 8.0  # a lease lasts 30


class ScaleExecutor:
    def __init__(self, gateway: Gateway, replicas: ReplicaWriter) -> None:
        self._gateway = gateway
        self._replicas = replicas

    async def move(
        self, step: ScalePlan, namespace: str, *, drains: Drains | None, numbers: Mapping[str, int]
    ) -> None:
        """All but the size, and before it: marks are taken back before pods are woken, and set before anything shrinks.

        Without `drains` the broker is away: no pod is asked to drain, woken or deleted. A pod is deleted after its
        request to drain was renewed, so that it cannot begin to fetch meanwhile.
        """
        for pod in step.unmark:
            await self._mark(Key("Pod", namespace, pod), None)
        if drains is not None:
            await drains.lift(step.resume)
            await drains.renew(numbers)
            await drains.stop(step.stop)
        for pod in step.mark:
            await self._mark(Key("Pod", namespace, pod), FIRST_TO_GO)
        for pod, uid in step.delete if drains is not None else ():
            await self._gateway.delete(Key("Pod", namespace, pod), uid=uid)

    async def resize(self, deployment: Object, replicas: int) -> Object:
        """The Deployment as the API server has it then."""
        return await self._replicas.write(deployment, replicas)

    async def size_writer(self, deployment: Object) -> FieldWriter | None:
        """Who else owns the Deployment's size."""
        return await self._replicas.other_writer(deployment)

    async def _mark(self, pod: Key, cost: str | None) -> None:
        try:
            await self._gateway.patch(pod, {"metadata": {"annotations": {DELETION_COST: cost}}})
        except ApiError as error:
            if error.status != 404:  # one that has gone meanwhile needs no mark
                raise
