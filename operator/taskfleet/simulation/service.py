"""How long tasks run."""

from collections.abc import Callable
from math import log
from random import Random

from taskfleet.simulation.units import InputError, parse_seconds

_SPREAD = 1.0  # of a lognormal: the slowest in a hundred take ten times as long as the median
_FORMS = "constant:2s, exponential:2s, lognormal:2s or lognormal:2s,0.5 (mean and spread)"


def service(text: str, *, random: Random) -> Callable[[], float]:
    """A source of running times in seconds; the time in `text` is their mean. Raises InputError."""
    kind, _, rest = text.partition(":")
    length, comma, spread = rest.partition(",")
    if kind not in ("constant", "exponential", "lognormal") or (comma and kind != "lognormal"):
        raise InputError(f"--service {text!r} is not valid: use {_FORMS}.")
    mean = parse_seconds(length)
    if mean <= 0:
        raise InputError(f"--service {text!r}: a task must take more than 0s. Use {_FORMS}.")
    if kind == "constant":
        return lambda: mean
    if kind == "exponential":
        return lambda: random.expovariate(1 / mean)
    sigma = _sigma(spread, text) if comma else _SPREAD
    # The mean of a lognormal is exp(mu + sigma^2 / 2).
    mu = log(mean) - sigma**2 / 2
    return lambda: random.lognormvariate(mu, sigma)


def _sigma(text: str, whole: str) -> float:
    try:
        sigma = float(text)
        if not 0 <= sigma <= 3:
            raise ValueError
    except ValueError:
        raise InputError(
            f"--service {whole!r}: the spread {text!r} must be a number from 0 to 3, such as 0.5."
        ) from None
    return sigma
