"""The pictures that a table can ask for, drawn from its measured cells or from what its runs have learnt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from data_modules.divisions import in_order
from data_modules.skeletons import SkeletonDataModule
from skeleton_lab.figures.attention_on_frames import attention_on_frames, attention_to_joints
from skeleton_lab.figures.breakdown_bars import Spent, breakdown_bars
from skeleton_lab.figures.by_setting import accuracy_by_setting
from skeleton_lab.figures.by_sparsity import Line, SparsityPanel
from skeleton_lab.figures.by_sparsity import accuracy_by_sparsity as draw_by_sparsity
from skeleton_lab.figures.confidence import ConfidencePanel
from skeleton_lab.figures.confidence import confidence as draw_confidence
from skeleton_lab.figures.joint_means import JointMeans
from skeleton_lab.figures.joint_means import joint_means as draw_joint_means
from skeleton_lab.figures.learning_curves import Learning, learning_curves
from skeleton_lab.figures.skeletons import ShownClip, from_least_to_most, skeletons, weighed
from skeleton_lab.figures.tradeoff import Panel, Point, accuracy_against_cost
from skeleton_lab.papers.adasgn.examples import examples as chosen_joints
from skeleton_lab.papers.adasgn.module import AdaSGNModule
from skeleton_lab.papers.deform3d.examples import on_films, on_joints
from skeleton_lab.papers.deform3d.module import Deform3DModule
from skeleton_lab.papers.gca_lstm.examples import examples as informative_joints
from skeleton_lab.papers.gca_lstm.examples import mean_attention
from skeleton_lab.papers.gca_lstm.module import GCALSTMModule
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.assemble import Measured, Planned
from skeleton_lab.reproduce.fusion import Fusion, fused
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.report import Result
from skeleton_lab.reproduce.runs import Run, folder_of
from skeleton_lab.reproduce.tables import Table
from skeleton_lab.reproduce.trained import Trained, is_there, load
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule

ACCURACY, COST, COST_OF_CLIP, SIZE = "top1", "gmacs_as_paper", "gmacs_per_clip", "parameters_left"
AXES = {
    COST: "GMACs of one person's clip, as the paper counts",
    COST_OF_CLIP: "GMACs of a clip with all its persons",
    SIZE: "parameters that are left",
}
SPARSITY = "model.sparsity"
TEST_FRAMES = "data.test_clip_len"
LARGEST_PARTS = 3
SPENT = {
    "part_gmacs_as_paper": "GMACs of a batch, as the paper counts",
    "part_gmacs_all": "GMACs of a batch, all of them",
    "part_parameters": "parameters",
    "part_latency_ms": "ms of a batch",
}
LOGGED = {"training": "train", "held-out subjects": "validation"}
LOGGED_AS = {"top1": "top-1 accuracy (%)", "loss": "loss"}


@dataclass(frozen=True)
class Pictured:
    """A measured table, and its runs below `output_dir`."""

    result: Result
    planned: Sequence[Planned]
    output_dir: Path


def tradeoff(pictured: Pictured, cost: str = COST, logarithmic: bool = False, curve: str = "") -> Figure | None:
    """Accuracy against cost, a panel for each group of columns of which a row has both numbers; None where none has.

    The paper's points are drawn only where they may be compared. Rows of ours may average a person's cost over other
    persons than the paper's do: they are drawn only where the cost is that of a whole clip.
    curve: a full key; a line joins the rows that set it.
    """
    result, panels = pictured.result, []
    connected = _rows_by(curve, result.table)
    for group in filter(None, result.table.unique("group")):
        reported = _points(result.measured, group, cost, reported=True) if result.is_comparable else []
        measured = _points(result.measured, group, cost)
        if measured:
            panels.append(Panel(group, measured, reported, connected))
    if not panels:
        return None
    return accuracy_against_cost(f"{result.table.id}, {result.headline}", panels, AXES[cost], logarithmic)


def policy_choices(pictured: Pictured) -> Figure | None:
    """Clips with the joints that a policy chose (AdaSGN, Figure 4), by the first finished run that has one."""
    return _clips(pictured, AdaSGNModule, chosen_joints)


def informativeness(pictured: Pictured) -> Figure | None:
    """Clips with what attention found informative in each iteration (GCA-LSTM, Figure 7), by the first finished run."""
    return _clips(pictured, GCALSTMModule, informative_joints)


def mean_informativeness(pictured: Pictured) -> Figure | None:
    """The mean informativeness of every joint over the test set (GCA-LSTM, Figure 8), a panel for each row in each
    group of columns, by its first run; None where none is finished."""
    panels = {}
    for each in pictured.planned:
        title = f"{each.cell.row}, {each.cell.group}"
        trained = None if title in panels else _first_trained([each], pictured.output_dir)
        if trained is not None:
            assert isinstance(trained.module, GCALSTMModule) and isinstance(trained.data, SkeletonDataModule)
            values_V = mean_attention(trained.module, trained.data)
            clip = trained.data.clips.upright()[in_order(trained.data.test[:1])[0]]
            layout, weight_MV = trained.module.layout, from_least_to_most(values_V)[None]
            body = weighed(clip.joints_TMVC[0, :1], clip.valid_TM[0, :1], weight_MV, layout, "")
            panels[title] = JointMeans(title, layout.joints, 100 * (values_V - 1), body)
    if not panels:
        return None
    heading = f"{pictured.result.table.id}, {pictured.result.headline}"
    what = "% above the informativeness that all joints have on average"
    return draw_joint_means(heading, list(panels.values()), what)


def _clips(
    pictured: Pictured, module: type, examples: Callable[[Any, Any, Sequence[str]], list[ShownClip]]
) -> Figure | None:
    """What examples shows of the first finished run whose module is of this type."""
    trained = _first_trained(pictured.planned, pictured.output_dir, module)
    clips = examples(trained.module, trained.data, trained.classes) if trained is not None else []
    return skeletons(f"{pictured.result.table.id}, {pictured.result.headline}", clips) if clips else None


def _first_trained(planned: Sequence[Planned], output_dir: Path, module: type = ClassificationModule) -> Trained | None:
    for run in (run for each in planned for run in each.runs):
        if issubclass(MODELS[run.settings.name].module_class(), module) and is_there(folder_of(run, output_dir)):
            return load(run, output_dir)
    return None


def attention(pictured: Pictured, clips: int, to_joints: bool = False) -> Figure | None:
    """What the 3D deformable transformer looks at in up to so many clips, by the first finished run: the places that
    it finds in films (Figures 5, A3 to A5), or joints (Figures 6, A2). None where nothing is recognised."""
    trained = _first_trained(pictured.planned, pictured.output_dir, Deform3DModule)
    if trained is None:
        return None
    assert isinstance(trained.module, Deform3DModule)
    heading = f"{pictured.result.table.id}, {pictured.result.headline}"
    if to_joints:
        joints = on_joints(trained.module, trained.data, trained.classes, clips)
        return attention_to_joints(heading, joints) if joints else None
    films = on_films(trained.module, trained.data, trained.classes, clips)
    return attention_on_frames(heading, films) if films else None


def by_setting(pictured: Pictured, key: str, setting: str, lines: str = "") -> Figure | None:
    """Accuracy by the value of a full key, which the picture calls `setting`. lines: another full key, whose values
    have a line each. None where nothing was measured."""
    found: dict[str, dict[float, float]] = {}
    for each, planned in zip(pictured.result.measured, pictured.planned, strict=True):
        if each.cell.metric == ACCURACY and each.value is not None and planned.runs:
            settings = planned.runs[0].settings
            name = f"{lines.rpartition('.')[2].replace('_', ' ')} {value_of(settings, lines)}" if lines else ""
            found.setdefault(name, {})[float(value_of(settings, key))] = each.value
    if not found:
        return None
    return accuracy_by_setting(f"{pictured.result.table.id}, {pictured.result.headline}", setting, found)


def value_of(settings: RunSettings, key: str) -> Any:
    """Of a full key; how many frames a test shows is, where it is not said, how many training shows."""
    section, _, name = key.partition(".")
    value = getattr(getattr(settings, section), name)
    return settings.data.clip_len if key == TEST_FRAMES and value is None else value


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
    heading = f"{result.table.id}, {result.headline}"
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
    heading = f"{pictured.result.table.id}, {pictured.result.headline}"
    return learning_curves(heading, [Learning(title, curves) for title, curves in panels.items()], LOGGED_AS[what])


def accuracy_by_sparsity(pictured: Pictured) -> Figure | None:
    """A panel for each network in each group, with a line for each of its forms (sparse ST-GCNs, Figures 3 to 5).

    Rows are named 'network, form: sparsity', and the dense network's 'network: dense'. None where no row with a
    sparsity has a number yet.
    """
    rows: dict[str, dict[str, list[Measured]]] = {}
    for each in pictured.result.measured:
        if each.cell.metric == ACCURACY and each.value is not None:
            network = each.cell.row.partition(":")[0].partition(",")[0]
            rows.setdefault(each.cell.group, {}).setdefault(network, []).append(each)
    panels = [[_by_sparsity(f"{name}, {group}", each) for name, each in found.items()] for group, found in rows.items()]
    if not any(panel.lines for row in panels for panel in row):
        return None
    return draw_by_sparsity(f"{pictured.result.table.id}, {pictured.result.headline}", panels)


def _by_sparsity(title: str, measured: Sequence[Measured]) -> SparsityPanel:
    lines: dict[str, Line] = {}
    dense = None
    for each in measured:
        form = each.cell.row.partition(":")[0].partition(", ")[2]
        assert each.value is not None
        if not form:
            dense = each.value
            continue
        line = lines.setdefault(form, Line({}, {}))
        sparsity = each.cell.requests[0].changes[SPARSITY]
        line.accuracy[sparsity] = each.value
        line.spread[sparsity] = each.spread or 0.0
    return SparsityPanel(title, lines, dense)


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
    return draw_confidence(f"{pictured.result.table.id}, {pictured.result.headline}", drawn)


def _rows_by(key: str, table: Table) -> list[str]:
    """The rows that set `key`, in the order of its values."""
    requests = [(cell.row, request) for cell in table.cells for members in cell.seeds for request in members]
    values = {row: request.changes[key] for row, request in requests if key in request.changes}
    return sorted(values, key=lambda row: values[row])


def _points(measured: Sequence[Measured], group: str, cost: str, reported: bool = False) -> list[Point]:
    """The rows that have both numbers; a cost that all groups share stands in none of them."""
    found: dict[str, dict[str, float]] = {}
    for each in measured:
        if each.cell.group not in (group, "") or (cost == COST and each.cell.row_is_ours):
            continue
        value = each.cell.reported if reported else each.value
        if value is not None and each.cell.metric in (ACCURACY, cost):
            found.setdefault(each.cell.row, {})[each.cell.metric] = value
    return [Point(row, values[cost], values[ACCURACY]) for row, values in found.items() if len(values) == 2]


PICTURES: dict[str, Callable[[Pictured], Figure | None]] = {
    "accuracy_against_gmacs": tradeoff,
    "accuracy_against_gmacs_logarithmic": partial(tradeoff, logarithmic=True),
    "accuracy_against_gmacs_by_alpha": partial(tradeoff, curve="model.alpha"),
    "accuracy_against_gmacs_per_clip": partial(tradeoff, cost=COST_OF_CLIP),
    "accuracy_against_parameters": partial(tradeoff, cost=SIZE, logarithmic=True),
    "accuracy_by_sparsity": accuracy_by_sparsity,
    "confidence": confidence,
    "policy_choices": policy_choices,
    "deformable_attention": partial(attention, clips=2),
    "deformable_attention_of_six": partial(attention, clips=6),
    "joint_attention": partial(attention, clips=1, to_joints=True),
    "joint_attention_of_three": partial(attention, clips=3, to_joints=True),
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
