"""What the last block looks at: Figures 5, 6 and A2 to A5, of recognised clips of the test set, and films of any clip.

Axes: N clips, M person slots, T frames, H rows, W columns, V joints, R joints of all persons, K places, C channels,
D coordinates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from data_modules.data_module import DividedDataModule
from data_modules.divisions import evenly_spread, in_order
from skeleton_lab.figures.attention_on_frames import SeenClip, SeenJoints, splatted
from skeleton_lab.figures.film_animation import ShownFilm
from skeleton_lab.papers.deform3d.attention import DeformableAttention
from skeleton_lab.papers.deform3d.module import Deform3DModule
from skeleton_lab.papers.deform3d.network import COARSE_STEP

# The classes of the paper's Figure 6 and, after the first, of A2, as Penn Action names them; they are looked for first.
CLASSES = ("baseball_pitch", "baseball_swing", "golf_swing", "tennis_serve")
OF_THREE = CLASSES[1:]
# Clips of the test set that are looked through, at most.
SEARCHED = 200


@dataclass(frozen=True)
class Seen:
    """A clip of a batch of one, its likeliest class, and what the last block's two attentions were called with."""

    likeliest: int
    batch: Any
    deformable: tuple[Any, ...]
    joint: tuple[Any, ...]


def on_films(module: Deform3DModule, data: DividedDataModule, classes: Sequence[str], count: int) -> list[SeenClip]:
    """Up to `count` clips with the places that 3D deformable attention finds; none where the network has none, or no
    modal tokens that look."""
    attention = module.network.last_block.deformable
    if attention is None or not module.network.modal_tokens:
        return []
    return [
        SeenClip(classes[seen.likeliest], _pictures(seen), _heat(attention, seen))
        for seen in chosen(module, data, classes, count)
    ]


def as_film(module: Deform3DModule, batch: Any) -> ShownFilm:
    """The clip of a batch of one: its frames with the joints in them and, where the network has 3D deformable
    attention and modal tokens, the places that they look at. Poses alone are drawn on white."""
    seen, attention = _seen(module, batch), module.network.last_block.deformable
    frames = _pictures(seen)
    if not frames.size:
        frames = np.full((len(frames), module.network.crop, module.network.crop, 3), 255, np.uint8)
    there_MTV = _array(batch.visible[0]) > 0
    places_MTVC = np.where(there_MTV[..., None], _array(batch.pixels[0]), np.nan)
    heat = None if attention is None or not module.network.modal_tokens else _heat(attention, seen)
    return ShownFilm(frames, places_MTVC.swapaxes(0, 1), module.layout.bones, heat)


def _heat(attention: DeformableAttention, seen: Seen) -> np.ndarray:
    """(T, H, W), how much attention each pixel gets."""
    z_NTHWC, modal_NTEC = seen.deformable
    with torch.no_grad():
        places_NKD, shares_NK = attention.looked_at(z_NTHWC, modal_NTEC)
    # From −1 to 1 to the numbers of tokens, and on to pixels.
    sizes = torch.tensor([z_NTHWC.shape[3], z_NTHWC.shape[2], z_NTHWC.shape[1]], device=places_NKD.device) - 1
    at_KD = (places_NKD[0].clamp(-1, 1) + 1) / 2 * sizes * torch.tensor([COARSE_STEP, COARSE_STEP, 1]).to(sizes)
    return splatted(_array(at_KD), _array(shares_NK[0]), _pictures(seen).shape[:3], COARSE_STEP)


def on_joints(
    module: Deform3DModule, data: DividedDataModule, classes: Sequence[str], count: int, first: Sequence[str] = CLASSES
) -> list[SeenJoints]:
    """Up to `count` clips with how much joint stride attention looks at the first person's joints; none where the
    network has none, or no modal tokens, or shows no films. first: the classes that are looked for first."""
    attention = module.network.last_block.joint
    if attention is None or not module.network.modal_tokens or module.network.modality != "both":
        return []
    found = []
    for seen in chosen(module, data, classes, count, first):
        with torch.no_grad():
            shares_TR = attention.looked_at(*seen.joint)[0]
        joints = module.layout.joints
        visible_TV = _array(seen.batch.visible[0, 0]) > 0
        places = np.where(visible_TV[..., None], _array(seen.batch.pixels[0, 0]), np.nan)
        shares = np.where(visible_TV, _array(shares_TR)[:, : len(joints)], 0)
        found.append(SeenJoints(classes[seen.likeliest], _pictures(seen), places, shares, joints))
    return found


def chosen(
    module: Deform3DModule, data: DividedDataModule, classes: Sequence[str], count: int, first: Sequence[str] = CLASSES
) -> list[Seen]:
    """One clip of each of the first classes that is recognised, then of others, in the order of the test set."""
    of_class: dict[int, Seen] = {}
    for seen in _recognised(module, data):
        of_class.setdefault(seen.likeliest, seen)
    wanted = [classes.index(name) for name in first if name in classes]
    order = [label for label in wanted if label in of_class] + [label for label in of_class if label not in wanted]
    return [of_class[label] for label in order[:count]]


def _recognised(module: Deform3DModule, data: DividedDataModule) -> Iterator[Seen]:
    for draw in in_order(evenly_spread(data.test, SEARCHED)):
        batch = data.collate([data.clips[draw]])
        if not hasattr(batch, "frames"):  # the film is damaged
            continue
        seen = _seen(module, batch)
        if seen.likeliest == batch.label.item():
            yield seen


def _seen(module: Deform3DModule, batch: Any) -> Seen:
    calls: dict[str, tuple[Any, ...]] = {}
    last = module.network.last_block
    handles = [_watched(part, name, calls) for name, part in (("deformable", last.deformable), ("joint", last.joint))]
    with torch.no_grad():
        logits = module(_on(module, batch)).logits
    for handle in handles:
        if handle is not None:
            handle.remove()
    return Seen(int(logits.argmax()), batch, calls.get("deformable", ()), calls.get("joint", ()))


def _watched(part: nn.Module | None, name: str, calls: dict[str, tuple[Any, ...]]) -> Any:
    """What the part is called with is kept under its name."""
    if part is None:
        return None

    def keep(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        calls[name] = inputs

    return part.register_forward_pre_hook(keep)


def _on(module: Deform3DModule, batch: Any) -> Any:
    return type(batch)(**{name: value.to(module.device) for name, value in vars(batch).items()})


def _pictures(seen: Seen) -> np.ndarray:
    """(T, H, W, 3)."""
    return seen.batch.frames[0].permute(0, 2, 3, 1).cpu().numpy()


def _array(x: Tensor) -> np.ndarray:
    return x.float().cpu().numpy()
