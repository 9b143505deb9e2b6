"""One measured figure, as a line of JSON."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """`n` is how many measurements stand behind `value`."""

    name: str
    value: float
    unit: str
    n: int

    def line(self) -> str:
        return json.dumps(asdict(self))


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]
