"""Accuracy by the value of a setting."""

from collections.abc import Mapping

from matplotlib.figure import Figure


def accuracy_by_setting(heading: str, setting: str, lines: Mapping[str, Mapping[float, float]]) -> Figure:
    """A line for each of `lines`, by name: from the setting's value to the top-1 accuracy in percent."""
    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.subplots()
    for name, found in lines.items():
        values = sorted(found)
        axes.plot(values, [found[value] for value in values], marker="o", label=name)
    axes.set(xlabel=setting, ylabel="top-1 accuracy (%)")
    axes.set_xticks(sorted({value for found in lines.values() for value in found}))
    axes.grid(alpha=0.3)
    if len(lines) > 1:
        axes.legend()
    figure.suptitle(heading, fontsize=10)
    return figure
