"""What a table's page shows of single runs: how they learnt, which classes they know, and which they take for others.

Axes: N clips of the test set, K classes.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.runs import Run, RunFolder, folder_of

# Of each kind: the classes that are known worst, and the pairs that are taken for one another most often.
LISTED = 5
CURVES = {"train/top1": "training", "validation/top1": "held out"}
# Of a drawn curve; the page scales it.
WIDTH, HEIGHT = 240, 80


def runs_of(planned: Sequence[Planned], output_dir: Path) -> str:
    """A part that opens for every finished run of the table; '' where there is none."""
    rows: dict[str, list[str]] = {}
    runs: dict[str, Run] = {}
    for each in planned:
        for run in each.runs:
            if folder_of(run, output_dir).is_finished:
                runs[run.name] = run
                rows.setdefault(run.name, []).append(" ".join(filter(None, (each.cell.row, each.cell.group))))
    seeds = {run.settings.seed for run in runs.values()}
    parts = []
    for name, run in runs.items():
        of_seed = f", seed {run.settings.seed}" if len(seeds) > 1 else ""
        of_fold = f", fold {run.settings.data.fold}" if run.folds > 1 else ""
        title = f"{', '.join(dict.fromkeys(rows[name]))}{of_seed}{of_fold}"
        parts.append(_details(run, title, folder_of(run, output_dir)))
    return f"<h2>Its runs</h2>{''.join(parts)}" if parts else ""


def _details(run: Run, title: str, folder: RunFolder) -> str:
    predictions, classes = folder.predictions(), run.source.reader.protocols[run.settings.data.protocol].classes
    count_KK = confusion(predictions.label, predictions.logits.argmax(axis=1), len(classes))
    top1 = 100 * np.trace(count_KK) / max(count_KK.sum(), 1)
    return (
        f"<details><summary>{escape(title)}: {top1:.1f} % of {count_KK.sum():,} clips "
        f"<small>{escape(run.name)}</small></summary><div class=run>"
        f"{_curves({name: folder.epochs(key) for key, name in CURVES.items()})}{_matrix(count_KK)}"
        f"{_lists(count_KK, classes)}</div></details>"
    )


def confusion(label_N: NDArray[np.int64], found_N: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How many clips of each class were taken for each: (K, K), from the class to what it was taken for."""
    return np.bincount(label_N * classes + found_N, minlength=classes * classes).reshape(classes, classes)


def _curves(curves: Mapping[str, Mapping[int, float]]) -> str:
    """Top-1 accuracy by epoch, 0 to 100 %, in the page's own colours."""
    known = {name: curve for name, curve in curves.items() if curve}
    if not known:
        return ""
    last = max(max(curve) for curve in known.values())
    lines = []
    for number, curve in enumerate(known.values()):
        points = [(WIDTH * epoch / last, HEIGHT * (1 - value / 100)) for epoch, value in curve.items()]
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline class=curve{number} points="{text}"/>')
    names = ", ".join(f"<span class=curve{number}>{name}</span>" for number, name in enumerate(known))
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img aria-label="accuracy by epoch">{"".join(lines)}</svg>'
        f"<figcaption>top-1 accuracy, 0 to 100 %, over {last} epochs: {names}</figcaption></figure>"
    )


def _matrix(count_KK: NDArray[np.int64]) -> str:
    """A pixel for every pair of classes that clips are of or taken for, darker for a larger share of its class."""
    known = np.flatnonzero(count_KK.sum(axis=0) + count_KK.sum(axis=1))
    count_KK = count_KK[np.ix_(known, known)]
    share_KK = count_KK / np.maximum(count_KK.sum(axis=1, keepdims=True), 1)
    image, file = Image.fromarray((255 * (1 - share_KK)).astype(np.uint8)), BytesIO()
    image.save(file, "PNG", optimize=True)
    encoded = base64.b64encode(file.getvalue()).decode()
    return (
        f'<figure><img class=matrix alt="confusion matrix" src="data:image/png;base64,{encoded}">'
        f"<figcaption>confusion matrix: rows are classes, columns what they were taken for</figcaption></figure>"
    )


def _lists(count_KK: NDArray[np.int64], classes: Sequence[str]) -> str:
    of_class_K = count_KK.sum(axis=1)
    there: list[int] = np.flatnonzero(of_class_K).tolist()
    accuracy_K = 100 * count_KK.diagonal() / np.maximum(of_class_K, 1)
    bars = "".join(
        f"<tr><th>{escape(classes[k])}</th><td><meter max=100 value={accuracy_K[k]:.0f}></meter></td>"
        f"<td>{accuracy_K[k]:.0f} %</td></tr>"
        for k in there
    )
    mistakes = "".join(f"<li>{escape(line)}</li>" for line in _mistakes(count_KK, classes))
    worst = ", ".join(classes[k] for k in sorted(there, key=lambda k: accuracy_K[k])[:LISTED])
    return (
        f"<div><p>Known worst: {escape(worst)}.</p>{f'<ul>{mistakes}</ul>' if mistakes else ''}"
        f"<details><summary>accuracy of all {len(there)} classes</summary><table class=classes>{bars}</table></details>"
        "</div>"
    )


def _mistakes(count_KK: NDArray[np.int64], classes: Sequence[str]) -> Iterator[str]:
    """The most frequent ones."""
    wrong_KK = count_KK * ~np.eye(len(count_KK), dtype=bool)
    for place in np.argsort(wrong_KK, axis=None, kind="stable")[::-1][:LISTED]:
        k, taken_for = divmod(int(place), len(classes))
        if count := int(wrong_KK[k, taken_for]):
            yield f"{classes[k]} taken for {classes[taken_for]}: {count} of {int(count_KK[k].sum())}"
