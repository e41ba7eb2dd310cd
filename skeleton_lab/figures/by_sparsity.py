"""Accuracy of networks that keep fewer and fewer of their weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Line:
    """By sparsity, the top-1 accuracy in percent, and its standard deviation over seeds where there are several."""

    accuracy: dict[float, float]
    spread: dict[float, float]


@dataclass(frozen=True)
class SparsityPanel:
    """lines: by what they are of; dense: the accuracy of the dense network, None where there is none yet."""

    title: str
    lines: Mapping[str, Line]
    dense: float | None = None


def accuracy_by_sparsity(heading: str, rows: Sequence[Sequence[SparsityPanel]]) -> Figure:
    """A row of panels for each protocol, all on one scale. Sparsities stand at equal distances."""
    columns = max(map(len, rows))
    figure = Figure(figsize=(3.6 * columns + 0.6, 3 * len(rows) + 0.5), layout="constrained")
    all_axes = figure.subplots(len(rows), columns, squeeze=False, sharey=True)
    for axes_row, panels in zip(all_axes, rows, strict=True):
        for axes, panel in zip(axes_row, panels, strict=False):
            _draw(axes, panel)
        axes_row[0].set_ylabel("top-1 accuracy (%)")
    figure.suptitle(heading, fontsize=10)
    return figure


def _draw(axes: Axes, panel: SparsityPanel) -> None:
    levels = sorted({level for line in panel.lines.values() for level in line.accuracy})
    for name, line in panel.lines.items():
        places = [levels.index(level) for level in sorted(line.accuracy)]
        values = [line.accuracy[level] for level in sorted(line.accuracy)]
        spreads = [line.spread.get(level, 0.0) for level in sorted(line.accuracy)]
        axes.errorbar(places, values, yerr=spreads if any(spreads) else None, marker="o", capsize=3, label=name)
    if panel.dense is not None:
        axes.axhline(panel.dense, color="tab:grey", linestyle="--", linewidth=1, label="dense")
    axes.set(title=panel.title, xlabel="share of the weights that is left out")
    axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
