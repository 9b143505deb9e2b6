"""Times of day that the sun decides: the events of celery.schedules.solar, by the same library and horizons."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import ephem

from taskfleet_worker.beat.plan import DAY, PlanError, Timing

# Horizon in degrees and the search, as in celery.schedules.solar; twilight counts the sun's center.
_EVENTS = {
    "dawn_astronomical": ("-18", "next_rising", True),
    "dawn_nautical": ("-12", "next_rising", True),
    "dawn_civil": ("-6", "next_rising", True),
    "sunrise": ("-0:34", "next_rising", False),
    "solar_noon": ("0", "next_transit", False),
    "sunset": ("-0:34", "next_setting", False),
    "dusk_civil": ("-6", "next_setting", True),
    "dusk_nautical": ("-12", "next_setting", True),
    "dusk_astronomical": ("-18", "next_setting", True),
}
# Near the poles an event is away for half a year.
_SEARCH_DAYS = 370


class Sun(Timing):
    """An event at a place, to the second. Raises PlanError.

    The library's answer depends a little on where its search begins. So it begins at midnight UTC of each day.
    """

    def __init__(self, event: str, latitude: float, longitude: float) -> None:
        if event not in _EVENTS:
            raise PlanError(f"spec.solar.event {event!r} is not known: use one of {', '.join(_EVENTS)}.")
        horizon, self._method, center = _EVENTS[event]
        self._options = {"use_center": True} if center else {}
        self._observer = ephem.Observer()
        self._observer.lat, self._observer.lon = str(latitude), str(longitude)
        self._observer.elev = 0
        self._observer.pressure = 0
        self._observer.horizon = horizon

    def _following(self, moment: float) -> float | None:
        day = moment // DAY * DAY
        for start in range(int(day), int(day + _SEARCH_DAYS * DAY), int(DAY)):
            for event in self._of_day(start):
                if event > moment:
                    return event
        return None

    def _of_day(self, start: float) -> list[float]:
        """The events of a day of UTC: none, one, or, where it moves over midnight, two."""
        found: list[float] = []
        begin = start
        while begin < start + DAY:
            event = self._search(begin)
            if event is None or event >= start + DAY:
                break
            found.append(float(round(event)))
            begin = event + 3600
        return found

    def _search(self, begin: float) -> float | None:
        self._observer.date = date = _date(begin)
        try:
            event = getattr(self._observer, self._method)(ephem.Sun(), start=date, **self._options)
        except ephem.CircumpolarError:  # the sun stays above or below the horizon on this day
            return None
        return float(event.datetime().replace(tzinfo=timezone.utc).timestamp())


def _date(moment: float) -> Any:
    return ephem.Date(datetime.fromtimestamp(moment, timezone.utc).replace(tzinfo=None))
