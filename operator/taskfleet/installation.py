"""This operator as its settings describe it to the builders. Pure."""

from taskfleet import __version__
from taskfleet.config import Settings
from taskfleet.resources.context import Installation


def installation_of(settings: Settings, cluster_id: str) -> Installation:
    """`cluster_id`: uid of kube-system, in a namespaced installation of the operator's namespace."""
    return Installation(
        runtime_image=settings.runtime_image,
        celery_image=settings.celery_image,
        redis_image=settings.redis_image,
        image_pull_policy=settings.image_pull_policy,
        cluster_id=cluster_id,
        version=__version__,
        namespace=settings.pod_namespace,
        image_pull_secrets=tuple(settings.image_pull_secrets),
    )
