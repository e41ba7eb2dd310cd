"""Pictures of what trained networks do: which joints and places they choose or attend to."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from data_modules.divisions import in_order
from data_modules.skeletons import SkeletonDataModule
from skeleton_lab.figures.attention_on_frames import attention_on_frames, attention_to_joints
from skeleton_lab.figures.joint_means import JointMeans
from skeleton_lab.figures.joint_means import joint_means as draw_joint_means
from skeleton_lab.figures.skeletons import ShownClip, from_least_to_most, skeletons, weighed
from skeleton_lab.papers.adasgn.examples import examples as chosen_joints
from skeleton_lab.papers.adasgn.module import AdaSGNModule
from skeleton_lab.papers.deform3d.examples import on_films, on_joints
from skeleton_lab.papers.deform3d.module import Deform3DModule
from skeleton_lab.papers.gca_lstm.examples import examples as informative_joints
from skeleton_lab.papers.gca_lstm.examples import mean_attention
from skeleton_lab.papers.gca_lstm.module import GCALSTMModule
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.runs import folder_of
from skeleton_lab.reproduce.trained import Trained, is_there, load
from skeleton_lab.training.module import ClassificationModule


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
        if trained is not None and trained.module.settings.model.attention_iterations:
            assert isinstance(trained.module, GCALSTMModule) and isinstance(trained.data, SkeletonDataModule)
            values_V = mean_attention(trained.module, trained.data)
            clip = trained.data.clips.upright()[in_order(trained.data.test[:1])[0]]
            layout, weight_MV = trained.module.layout, from_least_to_most(values_V)[None]
            body = weighed(clip.joints_TMVC[0, :1], clip.valid_TM[0, :1], weight_MV, layout, "")
            panels[title] = JointMeans(title, layout.joints, 100 * (values_V - 1), body)
    if not panels:
        return None
    heading = pictured.heading
    what = "% above the informativeness that all joints have on average"
    return draw_joint_means(heading, list(panels.values()), what)


def _clips(
    pictured: Pictured, module: type, examples: Callable[[Any, Any, Sequence[str]], list[ShownClip]]
) -> Figure | None:
    """What examples shows of the first finished run whose module is of this type."""
    trained = _first_trained(pictured.planned, pictured.output_dir, module)
    clips = examples(trained.module, trained.data, trained.classes) if trained is not None else []
    return skeletons(pictured.heading, clips) if clips else None


def _first_trained(planned: Sequence[Planned], output_dir: Path, module: type = ClassificationModule) -> Trained | None:
    for run in (run for each in planned for run in each.runs):
        if issubclass(MODELS[run.settings.name].module_class(), module) and is_there(folder_of(run, output_dir)):
            return load(run, output_dir)
    return None


def attention(pictured: Pictured, clips: int) -> Figure | None:
    """The places in films that the 3D deformable transformer finds in up to so many clips, by the first finished run
    (Figures 5, A3 to A5). None where nothing is recognised."""
    trained = _first_trained(pictured.planned, pictured.output_dir, Deform3DModule)
    if trained is None:
        return None
    assert isinstance(trained.module, Deform3DModule)
    films = on_films(trained.module, trained.data, trained.classes, clips)
    return attention_on_frames(pictured.heading, films) if films else None


def joint_attention(pictured: Pictured, first: Sequence[str], clips: int) -> Figure | None:
    """The same of the joints that it looks at (Figures 6, A2), of these classes first."""
    trained = _first_trained(pictured.planned, pictured.output_dir, Deform3DModule)
    if trained is None:
        return None
    assert isinstance(trained.module, Deform3DModule)
    joints = on_joints(trained.module, trained.data, trained.classes, clips, first)
    return attention_to_joints(pictured.heading, joints) if joints else None
