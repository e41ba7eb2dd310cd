"""The pictures that a table can ask for, by name; and those of what networks spend, how they learn and how sure they
are."""

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from skeleton_lab.figures.breakdown_bars import Spent, breakdown_bars
from skeleton_lab.figures.confidence import ConfidencePanel
from skeleton_lab.figures.confidence import confidence as draw_confidence
from skeleton_lab.figures.learning_curves import Learning, learning_curves
from skeleton_lab.papers.deform3d.examples import CLASSES, OF_THREE
from skeleton_lab.reproduce.accuracy_pictures import (
    ACCURACY,
    COST_OF_CLIP,
    SIZE,
    TEST_FRAMES,
    accuracy_by_sparsity,
    by_setting,
    pareto,
    tradeoff,
)
from skeleton_lab.reproduce.fusion import Fusion, fused
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.network_pictures import (
    attention,
    informativeness,
    joint_attention,
    mean_informativeness,
    policy_choices,
)
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.runs import Run, folder_of

LARGEST_PARTS = 3
SPENT = {
    "part_gmacs_as_paper": "GMACs of a batch, as the paper counts",
    "part_gmacs_all": "GMACs of a batch, all of them",
    "part_parameters": "parameters",
    "part_latency_ms": "ms of a batch",
}
LOGGED = {"training": "train", "held-out subjects": "validation"}
LOGGED_AS = {"top1": "top-1 accuracy (%)", "loss": "loss"}


def largest_parts(pictured: Pictured) -> Figure | None:
    """The three parts of each network in which most is spent (STAR, Figures 8 to 10), for the table's first metric of
    parts; a row's name is that of its network, a colon, and that of the part. None where nothing was measured."""
    result = pictured.result
    spent: dict[str, list[tuple[str, float]]] = {}
    metric = next(each.cell.metric for each in result.measured if each.cell.metric in SPENT)
    for each in result.measured:
        if each.cell.metric == metric and each.value is not None:
            spent.setdefault(each.cell.row.partition(":")[0], []).append((each.cell.part, each.value))
    if not spent:
        return None
    networks = [
        Spent(network, sorted(parts, key=lambda part: part[1], reverse=True)[:LARGEST_PARTS])
        for network, parts in spent.items()
    ]
    heading = pictured.heading
    return breakdown_bars(heading, networks, SPENT[metric], METRICS[metric].decimals)


def by_epoch(pictured: Pictured, what: str = "top1") -> Figure | None:
    """Learning curves, a panel for each row in each group of columns, of its first member (STAR, Figure 11; of the
    loss, GCA-LSTM, Figure 6); None where no run has begun.

    The second curve is of subjects held out of training, where the runs select their epoch by them: never of the test
    set, which the paper's own "testing curve" watches.
    """
    panels: dict[str, dict[str, list[dict[int, float]]]] = {}
    for (row, group), each in {(each.cell.row, each.cell.group): each for each in pictured.planned}.items():
        title = f"{row}, {group}" if group else row
        folders = [folder_of(members[0], pictured.output_dir) for members in each.seeds if isinstance(members[0], Run)]
        for name, stage in LOGGED.items():
            curves = [curve for folder in folders if (curve := folder.epochs(f"{stage}/{what}"))]
            if curves:
                panels.setdefault(title, {})[name] = curves
    if not panels:
        return None
    heading = pictured.heading
    return learning_curves(heading, [Learning(title, curves) for title, curves in panels.items()], LOGGED_AS[what])


def confidence(pictured: Pictured) -> Figure | None:
    """How sure networks are, alone and fused (sparse ST-GCNs, Figure 6): a panel for each network in each group, by the
    first seed. Rows are named 'network: form'. None where nothing has run yet.
    """
    panels: dict[str, dict[str, NDArray[np.float64]]] = {}
    for each in pictured.planned:
        runs = [member for member in next(iter(each.seeds), ()) if isinstance(member, Run)]
        folders = [folder_of(run, pictured.output_dir) for run in runs]
        if each.cell.metric != ACCURACY or not folders or not all(folder.is_finished for folder in folders):
            continue
        probabilities_NK, _ = fused(folders, Fusion(each.cell.fusion.weights, "probabilities"))
        network, _, form = each.cell.row.partition(": ")
        panels.setdefault(f"{network}, {each.cell.group}", {})[form] = probabilities_NK.amax(dim=1).numpy()
    if not panels:
        return None
    drawn = [ConfidencePanel(title, highest) for title, highest in panels.items()]
    return draw_confidence(pictured.heading, drawn)


PICTURES: dict[str, Callable[[Pictured], Figure | None]] = {
    "accuracy_against_gmacs": tradeoff,
    "accuracy_against_gmacs_logarithmic": partial(tradeoff, logarithmic=True),
    "accuracy_against_gmacs_by_alpha": partial(tradeoff, curve="model.alpha"),
    "accuracy_against_gmacs_per_clip": partial(tradeoff, cost=COST_OF_CLIP),
    "accuracy_against_parameters": partial(tradeoff, cost=SIZE, logarithmic=True),
    "accuracy_against_every_cost": pareto,
    "accuracy_by_sparsity": accuracy_by_sparsity,
    "confidence": confidence,
    "policy_choices": policy_choices,
    "deformable_attention": partial(attention, clips=2),
    "deformable_attention_of_six": partial(attention, clips=6),
    "joint_attention": partial(joint_attention, first=CLASSES, clips=1),
    "joint_attention_of_three": partial(joint_attention, first=OF_THREE, clips=3),
    "accuracy_by_stride": partial(
        by_setting, key="model.time_stride", setting="stride in frames", lines="model.time_window"
    ),
    "accuracy_by_frames": partial(by_setting, key="data.clip_len", setting="frames of a clip"),
    "accuracy_by_test_frames": partial(by_setting, key=TEST_FRAMES, setting="frames of a clip in the test"),
    "informativeness": informativeness,
    "mean_informativeness": mean_informativeness,
    "largest_parts": largest_parts,
    "accuracy_by_epoch": by_epoch,
    "loss_by_epoch": partial(by_epoch, what="loss"),
}
