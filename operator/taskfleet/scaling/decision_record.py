"""A decision of the scaling loop, as it is remembered and explained. Pure."""

from dataclasses import dataclass

from taskfleet.scaling.load import PoolLoad
from taskfleet.scaling.scale_plan import ScalePlan
from taskfleet.scaling.sizing import Sizing


@dataclass(frozen=True)
class DecisionRecord:
    """A decision with its inputs."""

    at: float
    verdict: Sizing
    load: PoolLoad
    step: ScalePlan
