"""What the API server says of a child is said of the field that the user wrote."""

from typing import Any

import pytest
from tests.unit.resources.objects import INSTALLATION, deployment, managed_broker, worker_pool

from taskfleet.resources import broker_stateful_set
from taskfleet.resources.refusals import in_users_words, peers_in_users_words
from taskfleet.resources.worker_deployment import written_of

SPEC: dict[str, Any] = {
    "env": [{"name": "A", "value": "1"}, {"name": "b c", "value": "1"}],
    "resources": {"limits": {"cpu": "1"}},
    "template": {
        "spec": {
            "volumes": [{"name": "Bad_Name", "emptyDir": {}}],
            "containers": [
                {"name": "sidecar", "image": "x", "ports": [{"containerPort": 99999}]},
                {"name": "worker", "lifecycle": {}},
            ],
        }
    },
}


def position(entries: list[Any], name: str) -> int:
    return next(index for index, entry in enumerate(entries) if entry["name"] == name)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        pytest.param("{worker}.env[{env}].name", "spec.env[1].name", id="variable"),
        pytest.param("{worker}.resources.limits[cpu]", "spec.resources.limits.cpu", id="amount"),
        pytest.param(
            '.spec.template.spec.containers[name="worker"].env[name="b c"].name',
            "spec.env[1].name",
            id="by-key",
        ),
        pytest.param("spec.template.labels", "spec.template.metadata.labels", id="label"),
        pytest.param("spec.template.annotations", "spec.template.metadata.annotations", id="annotation"),
        pytest.param("{worker}.image", "spec.image", id="image"),
        pytest.param(
            "{worker}.lifecycle", "spec.template.spec.containers[1].lifecycle", id="of-the-template"
        ),
        pytest.param(
            "{sidecar}.ports[0].containerPort",
            "spec.template.spec.containers[0].ports[0].containerPort",
            id="sidecar",
        ),
        pytest.param(
            "spec.template.spec.volumes[{volume}].name", "spec.template.spec.volumes[0].name", id="volume"
        ),
        pytest.param("spec.template.spec.priority", "spec.template.spec.priority", id="of-the-pod"),
        pytest.param(
            "spec.template.spec.terminationGracePeriodSeconds",
            "spec.terminationGracePeriod",
            id="grace-period",
        ),
    ],
)
def test_the_field_is_the_users(path: str, field: str) -> None:
    pool = worker_pool(**SPEC)
    built = deployment(pool)
    pod = built["spec"]["template"]["spec"]
    worker = position(pod["containers"], "worker")
    path = path.format(
        worker=f"spec.template.spec.containers[{worker}]",
        sidecar=f"spec.template.spec.containers[{position(pod['containers'], 'sidecar')}]",
        env=position(pod["containers"][worker]["env"], "b c"),
        volume=position(pod["volumes"], "Bad_Name"),
    )
    said = in_users_words(
        f'Deployment.apps "mail-worker" is invalid: {path}: Invalid value: "x": no', built, written_of(pool)
    )
    assert said == f'{field}: Invalid value: "x": no. Correct {field}.'


def test_words_about_no_field_stay_as_they_are() -> None:
    pool = worker_pool()
    built = deployment(pool)
    assert in_users_words("the namespace is being terminated", built, written_of(pool)) == (
        "the namespace is being terminated"
    )


def test_a_peer_of_a_policy_is_the_users() -> None:
    said = peers_in_users_words(
        'NetworkPolicy.networking.k8s.io "x" is invalid: spec.ingress[0].from[2].ipBlock.cidr: no',
        "spec.redis.networkPolicy.admit",
        before=2,
    )
    assert said == (
        "spec.redis.networkPolicy.admit[0].ipBlock.cidr: no. Correct spec.redis.networkPolicy.admit[0]."
    )


def test_volumes_of_a_stateful_sets_claims_are_counted_before_the_users() -> None:
    broker = managed_broker(template={"spec": {"volumes": [{"name": "Bad_Name", "emptyDir": {}}]}})
    built = broker_stateful_set.broker_stateful_set(broker, INSTALLATION)
    index = 1 + position(built["spec"]["template"]["spec"]["volumes"], "Bad_Name")
    said = in_users_words(
        f"spec.template.spec.volumes[{index}].name: no", built, broker_stateful_set.written_of(broker)
    )
    assert said.startswith("spec.redis.template.spec.volumes[0].name: no.")
