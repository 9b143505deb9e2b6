"""What a simulation found, as one HTML file that needs nothing else, or as a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from taskfleet.simulation.chart import HEIGHT, Line, axis, chart, legend, svg, time_axis
from taskfleet.simulation.outcome import Outcome, Sample
from taskfleet.simulation.table import HEADER, rows

# Told apart by people who see no red or green, too; the dashes tell them apart in print.
_LOOKS = (("#0072b2", ""), ("#d55e00", "7 3"), ("#777777", "2 3"))
_LEGEND_HEIGHT = 30
_SHARES = [share / 200 for share in range(1, 201)]
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simulation of {title}</title><style>
body{{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:760px;margin:2em auto;padding:0 1em}}
table{{border-collapse:collapse;width:100%;font-size:14px}}
th,td{{text-align:right;padding:.3em .5em;border-bottom:1px solid #ddd}}td{{white-space:nowrap}}
th:first-child,td:first-child{{text-align:left}}code{{font-size:13px}}svg{{width:100%}}
</style></head><body><h1>Simulation of {title}</h1><p><code>{command}</code></p>
<table><tr>{header}</tr>{rows}</table>
<p>{sum}</p>{picture}
<p>A <b>wait</b> is the time from a task's arrival to its first start; a task that never started has waited until the
end. <b>Pod-seconds</b> count a pod from its creation until it is gone. A task is <b>disturbed</b> when its pod is
removed while it runs, and <b>restarted</b> when it outlives the grace period after that. <b>KEDA + HPA</b> follow
their published rules with default settings and a slot a task; arrivals start in
the middle of the interval of both loops. All three fleets get the same tasks and have the same pods.</p></body></html>
"""


@dataclass(frozen=True)
class Report:
    """`command` is what repeats it; `least_pod_seconds` what the work alone takes."""

    title: str
    command: str
    duration: float
    least_pod_seconds: float
    outcomes: Sequence[Outcome]

    def html(self) -> str:
        return _PAGE.format(
            title=escape(self.title),
            command=escape(self.command),
            header=_cells("th", HEADER),
            rows="".join(f"<tr>{_cells('td', row)}</tr>" for row in rows(self.outcomes)),
            sum=escape(self.sentence()),
            picture=self.picture(),
        )

    def sentence(self) -> str:
        tasks = len(self.outcomes[0].waits)
        return (
            f"{tasks:,} tasks; pods that are always busy would take {self.least_pod_seconds:,.0f} "
            "pod-seconds."
        )

    def picture(self) -> str:
        """Pods, waiting tasks and the spread of waits, below each other."""
        over_time = time_axis(self.duration)
        pods = self._lines(lambda sample: sample.pods)
        waiting = self._lines(lambda sample: sample.waiting)
        waits = [
            Line(outcome.name, color, [(outcome.wait(share), share * 100) for share in _SHARES], dashes)
            for outcome, (color, dashes) in zip(self.outcomes, _LOOKS, strict=True)
        ]
        longest = max(outcome.waits[-1] for outcome in self.outcomes)
        return svg(
            legend(pods, at=20)
            + chart("Pods", pods, x=over_time, y=axis("", _highest(pods)), at=_LEGEND_HEIGHT)
            + chart(
                "Waiting tasks",
                waiting,
                x=over_time,
                y=axis("", _highest(waiting)),
                at=_LEGEND_HEIGHT + HEIGHT,
            )
            + chart(
                "Tasks that had started after this wait, %",
                waits,
                x=axis("wait, s", longest, ticks=8),
                y=axis("", 100),
                at=_LEGEND_HEIGHT + 2 * HEIGHT,
            ),
            height=_LEGEND_HEIGHT + 3 * HEIGHT,
            description=f"Pods, waiting tasks and waits over time: {self.command}",
        )

    def _lines(self, figure: Callable[[Sample], int]) -> list[Line]:
        return [
            Line(outcome.name, color, [(sample.at, figure(sample)) for sample in outcome.samples], dashes)
            for outcome, (color, dashes) in zip(self.outcomes, _LOOKS, strict=True)
        ]


def _highest(lines: Sequence[Line]) -> float:
    return max(value for line in lines for _, value in line.points)


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
