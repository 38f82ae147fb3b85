"""Charts: PNGs beside the Markdown, large enough to be read in a README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

_OURS, _OTHERS, _WIDTH = "#c0392b", "#5d7f9e", 11.0
_SHADES = ("#1f5f8b", "#3a9d5d", "#d98c1f", "#7a5aa6", "#4a4a4a", "#2aa1a1", "#8c6d46", "#9aa53a")


class Chart(Protocol):
    """One PNG file, named after the workload and `suffix`."""

    @property
    def suffix(self) -> str: ...

    @property
    def title(self) -> str: ...

    def draw(self, path: Path) -> None: ...


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    return pyplot


def _number(value: float) -> str:
    """Two digits that count, or all of those before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


@dataclass(frozen=True)
class Bars:
    """A panel of horizontal bars for each query, on a logarithmic scale; `ours` in another colour."""

    title: str
    unit: str
    panels: Mapping[str, Mapping[str, float]]
    """Panel, contestant, value; a contestant may be absent from a panel."""
    ours: str
    suffix: str = ""

    def draw(self, path: Path) -> None:
        pyplot = _pyplot()
        names: list[str] = list(dict.fromkeys(n for bars in self.panels.values() for n in bars))
        across = min(3, len(self.panels))
        down = -(-len(self.panels) // across)
        height = (0.22 * len(names) + 0.75) * down + 0.6
        figure, axes = pyplot.subplots(
            down, across, figsize=(_WIDTH, height), sharey=True, sharex=True, squeeze=False
        )
        values = [value for bars in self.panels.values() for value in bars.values()]
        low, high = min(values) / 1.5, max(values) * 6
        for axis, (panel, bars) in zip(axes.flat, self.panels.items(), strict=False):
            places = [names.index(name) for name in bars]
            colours = [_OURS if name == self.ours else _OTHERS for name in bars]
            axis.barh(places, [v - low for v in bars.values()], left=low, color=colours, height=0.7)
            if self.ours in bars:
                axis.axvline(bars[self.ours], color=_OURS, lw=0.8, ls=":")
            for place, value in zip(places, bars.values(), strict=True):
                axis.text(value * 1.08, place, _number(value), va="center", fontsize=8.5)
            axis.set_title(panel, fontsize=10.5, loc="left")
            axis.set_xscale("log")
            axis.set_xlim(low, high)
            axis.set_yticks(range(len(names)), names)
            axis.tick_params(axis="y", length=0)
        axes[0][0].invert_yaxis()
        for axis in axes.flat[len(self.panels) :]:
            axis.set_visible(False)
        figure.suptitle(f"{self.title} ({self.unit}, logarithmic)", fontsize=12, x=0.01, ha="left")
        figure.tight_layout()
        figure.savefig(path, dpi=100)
        pyplot.close(figure)


@dataclass(frozen=True)
class Lines:
    """Panels of lines over one logarithmic axis, logarithmic themselves."""

    title: str
    x_name: str
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]
    """Panel (its title names the unit), contestant, points."""
    ours: str
    suffix: str = ""

    def draw(self, path: Path) -> None:
        pyplot = _pyplot()
        figure, axes = pyplot.subplots(
            1, len(self.panels), figsize=(_WIDTH, 4.6), squeeze=False, sharex=True
        )
        names = list(dict.fromkeys(n for lines in self.panels.values() for n in lines))
        for axis, (panel, lines) in zip(axes.flat, self.panels.items(), strict=True):
            for name, points in lines.items():
                colour = _OURS if name == self.ours else _SHADES[names.index(name) % len(_SHADES)]
                width = 2.6 if name == self.ours else 1.3
                xs, ys = zip(*points, strict=True)
                axis.plot(xs, ys, marker="o", ms=3, color=colour, lw=width, label=name)
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_title(panel, fontsize=10.5, loc="left")
            axis.set_xlabel(self.x_name)
            axis.grid(alpha=0.25)
        handles, labels = max(
            (a.get_legend_handles_labels() for a in axes.flat), key=lambda h: len(h[1])
        )
        figure.legend(handles, labels, loc="lower center", ncol=4, frameon=False)
        figure.suptitle(self.title, fontsize=12, x=0.01, ha="left")
        figure.tight_layout(rect=(0, 0.05 + 0.045 * (-(-len(names) // 4)), 1, 1))
        figure.savefig(path, dpi=100)
        pyplot.close(figure)
