"""Cron times in a time zone: what cronsim says, which is Debian's cron, daylight saving included."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from taskfleet_worker.beat.plan import DAY, PlanError, Timing

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Cron(Timing):
    """Five cron fields or a macro. Raises PlanError."""

    def __init__(self, expression: str, zone: str) -> None:
        self._expression = MACROS.get(expression.strip().lower(), expression)
        self._zone = _zone(zone)
        if len(self._expression.split()) != 5:
            raise PlanError(
                f'spec.schedule "{expression}" is not a valid cron schedule: use five fields, '
                "such as 30 6 * * 1-5."
            )
        try:
            self._from(_EPOCH)
        except CronSimError as error:
            raise PlanError(f'spec.schedule "{expression}" is not valid: {str(error).lower()}.') from None

    def _from(self, moment: datetime) -> CronSim:
        return CronSim(self._expression, moment)

    def _following(self, moment: float) -> float | None:
        # In an hour that comes twice, cronsim tells a fixed time's first coming, which may lie before the moment.
        return next(self.between(moment, float("inf")), None)

    def between(self, after: float, until: float) -> Iterator[float]:
        for found in self._from(datetime.fromtimestamp(after, self._zone)):
            moment = found.timestamp()
            if moment > until:
                return
            if moment > after:
                yield moment

    def count(self, after: float, until: float) -> int:
        """By whole days, because minutes of a long time away would be counted for seconds."""
        if until <= after:
            return 0
        times = self._from(_EPOCH)
        minutes = sorted(60 * hour + minute for hour in times.hours for minute in times.minutes)
        total, day = 0, datetime.fromtimestamp(after, self._zone).date()
        start, offset = self._midnight(day)
        while start <= until:
            following = day + timedelta(days=1)
            end, next_offset = self._midnight(following)
            if next_offset != offset:
                total += sum(1 for _ in self.between(max(after, start - 1), min(until, end - 1)))
            elif day.month in times.months and times.match_day(day):
                first, last = (_minute(moment - start) for moment in (after, min(until, end - 1)))
                total += bisect_right(minutes, last) - bisect_right(minutes, first)
            day, start, offset = following, end, next_offset
        return total

    def _midnight(self, day: date) -> tuple[float, timedelta | None]:
        moment = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        return moment.timestamp(), moment.utcoffset()


def _minute(seconds: float) -> int:
    return int(min(seconds, DAY - 1) // 60)


@cache
def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc  # cronsim counts faster in it
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise PlanError(
            f'spec.timeZone "{name}" is not known: use an IANA time zone, such as Europe/Berlin.'
        ) from None
