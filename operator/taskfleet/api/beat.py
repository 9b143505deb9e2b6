"""The app's own `celery beat` beside a pool."""

from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.pod import EnvVar, Resources
from taskfleet.api.pod_template import PodTemplate
from taskfleet.api.quantities import MemorySize
from taskfleet.api.references import ObjectName
from taskfleet.api.schema import Limits

PERSISTENT_SCHEDULER = "celery.beat:PersistentScheduler"
Launcher = Annotated[list[Annotated[str, Limits(minLength=1, maxLength=2000)]], Limits(maxItems=20)]


class BeatStorage(Model):
    """The volume for the file of celery.beat:PersistentScheduler, or of a scheduler derived from it."""

    switch = True

    size: MemorySize = "100Mi"
    """The volume's size. It cannot change."""

    storage_class_name: ObjectName | None = None
    """The storage class; by default the cluster's own default. It cannot change."""

    retain_on_delete: bool = True
    """Keeps the volume when the WorkerPool is deleted. The beat of a new WorkerPool of the same name continues from
    it."""


class Beat(Model):
    """The app's own `celery beat`, one process for the whole pool."""

    switch = True

    scheduler: Annotated[str, Limits(minLength=1, maxLength=253)] | None = None
    """The scheduler class, as in `celery beat --scheduler`. For django-celery-beat it is
    django_celery_beat.schedulers:DatabaseScheduler. Defaults to the app's beat_scheduler."""

    app: Annotated[str, Limits(minLength=1, maxLength=253)] | None = None
    """The Celery application of beat. Defaults to the pool's."""

    launcher: Launcher | None = None
    """Words before the interpreter of beat. Defaults to the pool's; [] for none."""

    env: Annotated[
        list[EnvVar],
        Limits(**{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "maxItems": 500}),
    ] = []
    """Environment variables of beat in addition to the pool's; one of the same name replaces the pool's."""

    resources: Resources = Resources()
    """CPU and memory of beat. Defaults to requests of 10m CPU and 128Mi memory, without limits."""

    template: PodTemplate = {}
    """A pod template for beat in place of the pool's. By default beat has the pool's, without what spreads or gathers
    pods (podAffinity, podAntiAffinity and topologySpreadConstraints), and without claims that only one node can mount."""

    storage: BeatStorage | None = None
    """The volume for the file of celery.beat:PersistentScheduler. If scheduler is another class, there is none unless
    storage is set: {} for a class derived from PersistentScheduler."""

    @property
    def effective_storage(self) -> BeatStorage | None:
        """The volume for what its scheduler keeps of when each task was last sent; None for no volume.

        Celery's default scheduler keeps a file. The app's own default is not known here, and may be that one.
        """
        if self.storage is None and self.scheduler in (None, PERSISTENT_SCHEDULER):
            return BeatStorage()
        return self.storage
