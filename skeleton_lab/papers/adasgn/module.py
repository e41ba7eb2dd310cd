"""Training SGN, the single models, and AdaSGN: losses, phases, schedules (AdaSGN, sections 3.3 and 4.2).

Axes: N clips, M person slots, P persons that are present, T frames, V joints, C channels, A actions, K classes.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from data_modules.collate import RaggedBatch
from data_modules.layouts import Layout
from data_modules.readers import reader_for
from data_modules.skeletons import Batch
from skeleton_lab.backbones.sgn import SGN
from skeleton_lab.config import Request
from skeleton_lab.errors import RequestError
from skeleton_lab.layers.persons import mean_over_persons, pack_persons, sum_over_persons
from skeleton_lab.measure.macs import Macs
from skeleton_lab.papers.adasgn import macs
from skeleton_lab.papers.adasgn.network import SIZES, AdaSGN, JointTransform, build_sgn
from skeleton_lab.papers.adasgn.settings import AbsentPersons, AdaSGNSettings, SGNSettings
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule, Output

# "×0.096" at each epoch, as section 4.2 prints it; the released code multiplies by exp(−0.045) = 0.956.
PRINTED_TEMPERATURE_DECAY = 0.096

# Features of frozen single models, by the models, the draw and the clips of a batch; half precision, (P, T, A, C).
SHARED_FEATURES: dict[tuple, Tensor] = {}


class SGNModule(ClassificationModule):
    """SGN on all joints, and the six single models that AdaSGN starts from."""

    network: SGN

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.model: SGNSettings = settings.model
        self.network = build_sgn(self.model, layout, classes, settings.data.clip_len)

    def forward(self, batch: Batch) -> Output:
        x_PTVC, clip_P = persons(batch, self.model.absent_persons)
        return Output(mean_over_persons(self.network(x_PTVC), clip_P, len(batch.label)))

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        transform = self.network.joint_transform
        if isinstance(transform, JointTransform) and self.model.joint_transform == "learned":
            transform.requires_grad_(self.current_epoch >= self.model.frozen_epochs)

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        return macs.sgn_macs(self.network, self.layout, self.settings.data.clip_len)


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
        return {
            f"{size}-{joints}": request.for_model(
                "adasgn_single",
                {"model.joints": joints, "model.size": size, "model.joint_transform": "learned"},
            )
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

    def forward(self, batch: Batch) -> Output:
        x_PTVC, clip_P = persons(batch, self.model.absent_persons)
        decision = self.network.decide(self.features(batch, x_PTVC))
        clips = len(batch.label)
        taken_NA = sum_over_persons(decision.actions.sum(dim=1), clip_P, clips)
        frames_N = sum_over_persons(torch.ones_like(clip_P) * x_PTVC.shape[1], clip_P, clips)
        logits_NK = mean_over_persons(decision.logits, clip_P, clips)
        return Output(logits_NK, {"actions": taken_NA, "skeletons": frames_N})

    def features(self, batch: Batch, x_PTVC: Tensor) -> Tensor:
        """The features of all actions, (P, T, A, C): without a graph while frozen, remembered where they are shared."""
        if not self.shares_features:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen("spatial")):
                return self.network.all_features(x_PTVC)
        # All policies draw the same clips in the same batches (SkeletonDataModule), so a batch is what is remembered.
        draw = self.current_epoch if self.training else None
        key = (self.start, draw, tuple(batch.position.tolist()))
        if key not in SHARED_FEATURES:
            with torch.no_grad():
                SHARED_FEATURES[key] = self.network.all_features(x_PTVC).half()
        return SHARED_FEATURES[key].to(x_PTVC.device, x_PTVC.dtype)

    def loss(self, output: Output, batch: Batch) -> Tensor:
        """L = L_acc + α·L_eff (Eq. 10)."""
        return super().loss(output, batch) + self.alpha * self.efficiency_loss(output)

    def efficiency_loss(self, output: Output) -> Tensor:
        """The mean GMACs that the actions of a skeleton add to those of action 0, which is always computed (Eq. 12)."""
        taken_A = output.per_clip["actions"].sum(dim=0) / output.per_clip["skeletons"].sum()
        added = taken_A[1:] * self.gmacs_A[1:]
        return added.mean() if self.model.efficiency_loss == "mean_over_actions" else added.sum()

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        self.alpha.fill_(self.model.alpha * min(self.current_epoch / max(self.model.alpha_warmup_epochs, 1), 1.0))
        self.network.temperature.fill_(self.temperature(self.current_epoch))
        self.network.joint_transforms.requires_grad_(not self._frozen("joint_transforms"))
        self.network.spatial.requires_grad_(not self._frozen("spatial"))
        self.network.spatial.train(not self.shares_features)

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

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """The share of each action over the skeletons of the test set, in percent."""
        shares_A = per_clip["actions"].double().sum(dim=0) / per_clip["skeletons"].sum()
        return {f"share_{action}": 100 * share for action, share in enumerate(shares_A.tolist())}

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        published = dict(enumerate(macs.PUBLISHED_SHARES))
        shares = [measured.get(f"share_{action}", published[action]) / 100 for action in published]
        return macs.adasgn_macs(self.network, self.layout, self.settings.data.clip_len, shares)


def persons(batch: Batch, absent: AbsentPersons) -> tuple[Tensor, Tensor]:
    """The persons that the network sees, (P, T, V, 3), and the clip of each, (P,)."""
    if isinstance(batch, RaggedBatch):
        raise RequestError("data.collation=ragged: SGN and AdaSGN work on data.collation=padded")
    padded = batch
    mask_NMT = padded.mask if absent == "masked" else torch.ones_like(padded.mask)
    return pack_persons(padded.x, mask_NMT)


def _below(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
