"""Training SGN, the single models, and AdaSGN: losses, phases, schedules (AdaSGN, sections 3.3 and 4.2).

Axes: N clips, M person slots, P persons that are present, T frames, V joints, C channels, A actions, K classes.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from data_modules.collate import Clip, RaggedBatch
from data_modules.layouts import Layout
from data_modules.readers import reader_for
from data_modules.skeletons import Batch
from skeleton_lab.backbones.sgn import SGN
from skeleton_lab.backbones.sgn_inference import FoldedSGN
from skeleton_lab.config import Request
from skeleton_lab.errors import RequestError
from skeleton_lab.figures.skeletons import ShownSkeleton
from skeleton_lab.layers.persons import mean_over_persons, pack_persons, sum_over_persons
from skeleton_lab.measure.macs import Macs
from skeleton_lab.papers.adasgn import latency, macs
from skeleton_lab.papers.adasgn.chosen import chosen_joints
from skeleton_lab.papers.adasgn.inference import SkippingAdaSGN
from skeleton_lab.papers.adasgn.network import SIZES, AdaSGN, JointTransform, build_sgn
from skeleton_lab.papers.adasgn.portable import AllActions, person_by_person
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings, SGNSettings
from skeleton_lab.papers.adasgn.shared_features import SharedFeatures
from skeleton_lab.settings import AbsentPersons, RunSettings
from skeleton_lab.training.module import ClassificationModule, Output, Portable, Term

# "×0.096" at each epoch, as section 4.2 prints it; the released code multiplies by exp(−0.045) = 0.956.
PRINTED_TEMPERATURE_DECAY = 0.096

# They stay in memory while the program runs.
SHARED_FEATURES = SharedFeatures()


class SGNModule(ClassificationModule):
    """SGN on all joints, and the six single models that AdaSGN starts from."""

    network: SGN

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.model: SGNSettings = settings.model
        self.network = build_sgn(self.model, layout, classes, settings.data.clip_len)

    def inference_network(self) -> FoldedSGN:
        return FoldedSGN(self.network)

    def portable(self, batch: Batch) -> Portable:
        return person_by_person(self.network, self.padded(batch), self.model.absent_persons)

    def forward(self, batch: Batch) -> Output:
        seen, clips = persons(batch, self.model.absent_persons), len(batch.label)
        if self.inference is None:
            logits_PK = self.network(seen.x)
        else:
            with full_precision(seen.x):
                logits_PK = self.inference(seen.x)
        return Output(
            mean_over_persons(logits_PK, seen.clip, clips), {"persons": torch.bincount(seen.clip, minlength=clips)}
        )

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        transform = self.network.joint_transform
        if isinstance(transform, JointTransform) and self.model.joint_transform == "learned":
            transform.requires_grad_(self.current_epoch >= self.model.frozen_epochs)

    def timed_ways(self, clips: int, measured: Mapping[str, float]) -> latency.Ways:
        data = self.settings.data
        return latency.sgn_ways(self.network, self.layout, data.clip_len, clips, data.persons)

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """What is spent on a clip with all persons that are computed, and on one person who is there."""
        gmacs = self.count_macs({}).all / 1e9 * self.settings.data.test_crops
        persons = per_clip["persons"].double().mean().item()
        return {"gmacs_per_clip": gmacs * persons, "gmacs_per_present_person": gmacs}

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        return macs.sgn_macs(self.model, self.layout, self.classes, self.settings.data.clip_len)


class AdaSGNModule(ClassificationModule):
    """The second stage: the policy, the temporal module and, later, everything."""

    network: AdaSGN
    gmacs_A: Tensor
    alpha: Tensor

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.model: AdaSGNSettings = settings.model
        self.network = AdaSGN(self.model, layout, classes, settings.data.clip_len)
        self.register_buffer(
            "gmacs_A", torch.tensor(macs.nominal_gmacs(layout, settings.data.clip_len)), persistent=False
        )
        self.register_buffer("alpha", torch.tensor(0.0))
        self.shares_features = self.model.share_features and self.model.pretrained
        self.start: tuple[str, ...] = ()

    @classmethod
    def requires(cls, request: Request, settings: RunSettings) -> dict[str, Request]:
        if not settings.model.pretrained:
            return {}
        same = {"model.joint_transform": "learned", "model.width": settings.model.width}
        return {
            f"{size}-{joints}": request.for_model("adasgn_single", {"model.joints": joints, "model.size": size, **same})
            for joints in reader_for(request.dataset).layout.joint_levels
            for size in SIZES
        }

    def start_from(self, checkpoints: Mapping[str, Path]) -> None:
        """Load the single models' spatial modules and matrices; policy, temporal module and classifier start afresh."""
        if not checkpoints:
            return
        for path, spatial, transform in zip(
            checkpoints.values(), self.network.spatial, self.network.joint_transforms, strict=True
        ):
            weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            spatial.load_state_dict(_below("network.spatial.", weights))
            transform.load_state_dict(_below("network.joint_transform.", weights))
        self.start = tuple(str(path.absolute()) for path in checkpoints.values())

    def inference_network(self) -> SkippingAdaSGN:
        return SkippingAdaSGN(self.network)

    def portable(self, batch: Batch) -> Portable:
        """All actions are computed, and those that the policy does not take count nothing."""
        if self.model.policy == "random" or self.model.evaluation_actions == "sampled":
            raise RequestError(f"{self.settings.name} that draws its actions at random cannot be exported")
        return person_by_person(AllActions(self.network), self.padded(batch), self.model.absent_persons)

    def forward(self, batch: Batch) -> Output:
        seen, clips = persons(batch, self.model.absent_persons), len(batch.label)
        if self.inference is not None:
            with full_precision(seen.x):
                decision = self.inference(seen.x)
        elif self._frozen("spatial"):
            decision = self.network.decide(self.frozen_features(batch, seen.x))
        else:
            decision = self.network(seen.x)
        taken_PA = decision.actions.sum(dim=1)
        frames_P = torch.full_like(seen.clip, seen.x.shape[1])
        there_P = seen.present.long()
        return Output(
            mean_over_persons(decision.logits, seen.clip, clips),
            {
                "actions": sum_over_persons(taken_PA, seen.clip, clips),
                "skeletons": sum_over_persons(frames_P, seen.clip, clips),
                "present_actions": sum_over_persons(taken_PA * there_P[:, None], seen.clip, clips),
                "present_skeletons": sum_over_persons(frames_P * there_P, seen.clip, clips),
            },
        )

    def shown(self, batch: Batch, clip: Clip) -> list[ShownSkeleton]:
        """The joints that the policy chose; where it takes all actions at once, plain skeletons."""
        seen = persons(batch, "masked")
        if self.model.policy == "all" or not len(seen.x):
            return super().shown(batch, clip)
        decision = self.inference_network()(seen.x)
        return chosen_joints(clip, decision.actions.argmax(dim=-1), self.network, self.layout)

    @torch.no_grad()
    def frozen_features(self, batch: Batch, x_PTVC: Tensor) -> Tensor:
        """The features of all actions, (P, T, A, C), without a graph; remembered where they are shared."""
        if not (self.shares_features and self.training):
            return self.network.all_features(x_PTVC)
        # All policies draw the same clips in the same batches (SkeletonDataModule), so a batch is what is remembered.
        how = (self.model.absent_persons, repr(self.settings.data), self.settings.training.precision)
        models, drawn = (self.start, *how), (self.current_epoch, tuple(batch.position.tolist()))
        features = SHARED_FEATURES.get(models, drawn, lambda: self.network.all_features(x_PTVC))
        return features.to(x_PTVC.device, x_PTVC.dtype)

    def terms(self, output: Output, batch: Batch) -> list[Term]:
        """L = L_acc + α·L_eff (Eq. 10); the first is a mean over clips, the second over skeletons."""
        skeletons = output.per_clip["skeletons"].sum()
        return [*super().terms(output, batch), Term(self.alpha * self.efficiency_loss(output), skeletons)]

    def efficiency_loss(self, output: Output) -> Tensor:
        """The mean GMACs that the actions of a skeleton add to those of action 0, which is always computed (Eq. 12)."""
        taken_A = output.per_clip["actions"].sum(dim=0) / output.per_clip["skeletons"].sum().clamp(min=1)
        added = taken_A[1:] * self.gmacs_A[1:]
        return added.mean() if self.model.efficiency_loss == "mean_over_actions" else added.sum()

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        warmup = self.model.alpha_warmup_epochs
        self.alpha.fill_(self.model.alpha * (min(self.current_epoch / warmup, 1.0) if warmup else 1.0))
        self.network.temperature.fill_(self.temperature(self.current_epoch))
        self.network.joint_transforms.requires_grad_(not self._frozen("joint_transforms"))
        self.network.spatial.requires_grad_(not self._frozen("spatial"))
        self.network.spatial.train(not self.shares_features)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # What had no graph has the gradient 0, not none: weight decay is for all weights that are trained.
        for parameter in self.network.parameters():
            if parameter.requires_grad and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)

    def temperature(self, epoch: int) -> float:
        """τ of Gumbel-softmax in an epoch counted from 0; it has fallen once before the first."""
        printed = self.model.temperature_schedule == "as_printed"
        decay = PRINTED_TEMPERATURE_DECAY if printed else self.model.temperature_decay
        return self.model.temperature * decay ** (epoch + 1)

    def _frozen(self, part: str) -> bool:
        if self.shares_features:
            return True
        if self.current_epoch >= self.model.frozen_epochs:
            return False
        return part == "joint_transforms" or self.model.pretrained

    def timed_ways(self, clips: int, measured: Mapping[str, float]) -> latency.Ways:
        data, shares = self.settings.data, self.shares_of(measured)
        every = self.model.policy == "all"
        return latency.adasgn_ways(self.network, self.layout, data.clip_len, clips, data.persons, shares, every)

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """The share of each action over the skeletons of the test set, in percent: over all that are computed, over
        those of persons who are there, and over those of absent persons, where these are computed; and what is spent on
        a clip with all persons that are computed, and on one person who is there."""
        total = {name: value.double().sum(dim=0) for name, value in per_clip.items()}
        absent = {name: total[name] - total[f"present_{name}"] for name in ("actions", "skeletons")}
        shares = _shares("share", total["actions"], total["skeletons"])
        present = _shares("share", total["present_actions"], total["present_skeletons"])
        persons = total["skeletons"].item() / self.settings.data.clip_len / len(per_clip["skeletons"])
        crops = self.settings.data.test_crops
        found = {
            **shares,
            **{f"present_{name}": share for name, share in present.items()},
            **_shares("absent_share", absent["actions"], absent["skeletons"]),
            "gmacs_per_clip": self.count_macs(shares).all / 1e9 * persons * crops,
        }
        if present:
            found["gmacs_per_present_person"] = self.count_macs(present).all / 1e9 * crops
        return found

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        shares = [share / 100 for share in self.shares_of(measured)]
        return macs.adasgn_macs(self.model, self.layout, self.classes, self.settings.data.clip_len, shares)

    def shares_of(self, measured: Mapping[str, float]) -> list[float]:
        """The share of each action, in percent: as measured, else what the policy's kind or the paper says of it."""
        actions = len(self.network.spatial)
        unmeasured = {"all": (100.0,) * actions, "random": (100 / actions,) * actions, "learned": macs.PUBLISHED_SHARES}
        return [measured.get(f"share_{action}", share) for action, share in enumerate(unmeasured[self.model.policy])]


def _shares(name: str, taken_A: Tensor, skeletons: Tensor) -> dict[str, float]:
    """In percent; none where there are no skeletons."""
    if not skeletons:
        return {}
    return {f"{name}_{action}": share for action, share in enumerate((100 * taken_A / skeletons).tolist())}


class Persons(NamedTuple):
    """x: the persons that the network sees, (P, T, V, 3); clip: whose they are, (P,); present: who is there, (P,)."""

    x: Tensor
    clip: Tensor
    present: Tensor


def persons(batch: Batch, absent: AbsentPersons) -> Persons:
    """Those who are there, or with zeros for absent ones every slot."""
    if isinstance(batch, RaggedBatch):
        raise RequestError("data.collation=ragged: SGN and AdaSGN work on data.collation=padded")
    mask_NMT = batch.mask if absent == "masked" else torch.ones_like(batch.mask)
    x_PTVC, clip_P = pack_persons(batch.x, mask_NMT)
    present_P, _ = pack_persons(batch.mask.any(dim=-1), mask_NMT)
    return Persons(x_PTVC, clip_P, present_P)


def full_precision(x: Tensor) -> AbstractContextManager:
    """Trained with autocast or not: what is evaluated are the weights as they are."""
    return torch.autocast(x.device.type, enabled=False)


def _below(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
