"""One function for each kind of picture that a table can ask for."""

from collections.abc import Callable

from matplotlib.figure import Figure

from skeleton_lab.figures.tradeoff import accuracy_against_gmacs
from skeleton_lab.reproduce.report import Result

PICTURES: dict[str, Callable[[Result], Figure | None]] = {"accuracy_against_gmacs": accuracy_against_gmacs}
