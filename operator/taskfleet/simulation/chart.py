"""Line charts as SVG, by hand: a handful of lines and two axes need no library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 760, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 34, 40
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:14px}"
    ".grid{stroke:#e4e4e4}.axis{stroke:#888}.line{fill:none;stroke-width:2;stroke-linejoin:round}"
)


@dataclass(frozen=True)
class Line:
    name: str
    color: str
    points: Sequence[tuple[float, float]]
    dashes: str = ""


@dataclass(frozen=True)
class Axis:
    label: str
    most: float
    step: float
    text: Callable[[float], str]

    def ticks(self) -> list[float]:
        return [number * self.step for number in range(int(self.most / self.step + 1e-9) + 1)]


def axis(label: str, most: float, *, text: Callable[[float], str] = "{:,.0f}".format, ticks: int = 5) -> Axis:
    """From 0 to `most` with round steps; at least from 0 to 1, so that an empty chart has a scale."""
    most = max(most, 1.0)
    return Axis(label, most, _round_step(most / ticks), text)


def time_axis(seconds: float) -> Axis:
    """From 0 to `seconds`, in steps that people use."""
    steps = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400)
    step = next((step for step in steps if seconds / step <= 9), steps[-1])
    unit, size = ("s", 1) if step < 60 else ("min", 60) if step < 3600 else ("h", 3600)
    return Axis(f"time, {unit}", seconds, step, lambda value: f"{value / size:g}")


def chart(title: str, lines: Sequence[Line], *, x: Axis, y: Axis, at: int = 0) -> str:
    """A chart of WIDTH and HEIGHT as an SVG group, `at` pixels from the top."""
    parts = [
        f'<g transform="translate(0,{at})"><text class="title" x="{_LEFT}" y="18">{escape(title)}</text>'
    ]
    parts += [_row(y, value) for value in y.ticks()]
    parts += [_column(x, value) for value in x.ticks()]
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(f'<text x="{right}" y="{HEIGHT - 6}" text-anchor="end">{escape(x.label)}</text>')
    parts.append(f'<text x="{right}" y="18" text-anchor="end">{escape(y.label)}</text>')
    parts += [_line(line, x, y) for line in lines]
    return "".join(parts) + "</g>"


def legend(lines: Sequence[Line], *, at: int) -> str:
    """Names next to a piece of each line, in one row."""
    width = (WIDTH - _LEFT - _RIGHT) // max(len(lines), 1)
    parts = [
        f'<g transform="translate({_LEFT + number * width},{at})">'
        f'<path class="line" stroke="{line.color}"{_dashes(line)} d="M0 -4h26"/>'
        f'<text x="34">{escape(line.name)}</text></g>'
        for number, line in enumerate(lines)
    ]
    return "".join(parts)


def svg(content: str, *, height: int, description: str) -> str:
    """A self-contained picture, on white."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(description, quote=True)}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{content}</svg>'
    )


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ..."""
    power: float = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _across(x: Axis, value: float) -> float:
    return _LEFT + value / x.most * (WIDTH - _LEFT - _RIGHT)


def _down(y: Axis, value: float) -> float:
    return HEIGHT - _BOTTOM - value / y.most * (HEIGHT - _TOP - _BOTTOM)


def _row(y: Axis, value: float) -> str:
    at = f"{_down(y, value):.1f}"
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>'
        f'<text x="{_LEFT - 8}" y="{at}" dy="4" text-anchor="end">{escape(y.text(value))}</text>'
    )


def _column(x: Axis, value: float) -> str:
    at = f"{_across(x, value):.1f}"
    return f'<text x="{at}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{escape(x.text(value))}</text>'


def _line(line: Line, x: Axis, y: Axis) -> str:
    points = " ".join(f"{_across(x, at):.1f},{_down(y, value):.1f}" for at, value in line.points)
    return f'<polyline class="line" stroke="{line.color}"{_dashes(line)} points="{points}"/>'


def _dashes(line: Line) -> str:
    return f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
