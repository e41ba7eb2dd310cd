"""Untrained networks at their published size, and what is counted of them on a batch of random clips.

Axes: N clips.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

from data_modules.layouts import Layout
from data_modules.readers import reader_for
from data_modules.settings import ClipSettings, VideoSettings
from data_modules.skeletons import Batch
from data_modules.video_pose import VideoPoseBatch
from skeleton_lab.config import Request, compose
from skeleton_lab.measure.breakdown import Profiled, macs_by_part, parameters_by_part
from skeleton_lab.measure.macs import Macs
from skeleton_lab.measure.random_batch import (
    FULL_LENGTH,
    FULL_PERSONS,
    random_batch,
    random_film_batch,
    random_lengths,
)
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import differing
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule

# In a batch, as in STAR's Table 2.
CLIPS = 16


@dataclass(frozen=True, eq=False)
class Network:
    """A model as published, with random weights, for the skeletons and classes of a dataset."""

    settings: RunSettings
    layout: Layout
    classes: int

    @property
    def name(self) -> str:
        """With a digest of what it and its clips are."""
        different, data = differing(self.settings), self.settings.data
        identity = json.dumps([different["model"], different["data"]], sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()
        return f"{self.settings.name}-{data.dataset}-{data.protocol}-untrained-{digest[:8]}"

    @cached_property
    def module(self) -> ClassificationModule:
        """In evaluation, with the same weights whenever it is built."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module: ClassificationModule = MODELS[self.settings.name].module_class()(
                self.settings, self.layout, self.classes
            )
        return module.eval()

    @cached_property
    def own_batch(self) -> Batch | VideoPoseBatch:
        """16 clips in the form in which the model takes them: of one person and random lengths, or of films."""
        if is_of_films(self.settings.data):
            return random_film_batch(self.settings.data, self.layout, CLIPS)
        return self._batch(random_lengths(CLIPS), persons=1)

    @cached_property
    def equal_batch(self) -> Batch:
        """16 clips of 300 frames and as many persons as the model takes, two at most, in the form in which it does."""
        return self._batch([FULL_LENGTH] * CLIPS, self.equal_persons)

    def _batch(self, lengths: Sequence[int], persons: int) -> Batch:
        # Of all frames, where the model may train on some of them.
        return random_batch(replace(self.settings.data, frame_step=1), self.layout, lengths, persons)

    @property
    def equal_persons(self) -> int:
        """How many persons there are in a clip of the equal batch."""
        return min(FULL_PERSONS, self.settings.data.persons)

    @cached_property
    def computes_all_slots(self) -> bool:
        """Whether it computes as much for the own batch as for the equal one: both fill it with zeros."""
        if is_of_films(self.settings.data):
            return False
        batches = self._batch(random_lengths(CLIPS), persons=1), self.equal_batch
        zeros = getattr(self.settings.model, "absent_persons", "masked") == "zeros"
        return zeros and batches[0].x.shape == batches[1].x.shape

    @cached_property
    def own_macs(self) -> dict[str, Macs]:
        """Of the own batch, by part."""
        return self._macs(self.own_batch)

    @cached_property
    def equal_macs(self) -> dict[str, Macs]:
        """Of the equal batch, by part."""
        return self._macs(self.equal_batch)

    def _macs(self, batch: Batch | VideoPoseBatch) -> dict[str, Macs]:
        return macs_by_part(*self.module.counted(batch), self.module.parts)

    @cached_property
    def parameters(self) -> dict[str, int]:
        """By part."""
        return parameters_by_part(self.module.network, self.module.parts)

    def predicting(self, batch: Batch | VideoPoseBatch) -> Callable[[], object]:
        """What puts the batch through the network as it predicts, on the GPU where there is one."""
        module, on_device = self._on_device(batch)
        module.on_predict_start()
        return torch.inference_mode()(lambda: module(on_device))

    def profiled(self) -> Profiled:
        """What puts the own batch through the network as it was trained, with all its parts."""
        module, on_device = self._on_device(self.own_batch)
        module.on_predict_end()
        return Profiled(torch.inference_mode()(lambda: module(on_device)), module.network, module.parts)

    def _on_device(self, batch: Any) -> tuple[ClassificationModule, Any]:
        module = self.module.to("cuda" if torch.cuda.is_available() else "cpu")
        return module, on_device_of(module, batch)


def is_of_films(data: ClipSettings) -> bool:
    return isinstance(data, VideoSettings)


def on_device_of(module: ClassificationModule, batch: Any) -> Any:
    on_device: dict[str, Any] = {name: value.to(module.device) for name, value in vars(batch).items()}
    return type(batch)(**on_device)


def network_of(request: Request) -> Network:
    """The network that a request's runs would train. Raises RequestError for an unknown name, key or value."""
    reader = reader_for(request.dataset)
    return Network(compose(request), reader.layout, len(reader.protocols[request.protocol].classes))


def _gmacs(macs: Macs, all_products: bool) -> float:
    return (macs.all if all_products else macs.as_paper) / 1e9


COUNTS: dict[str, Callable[[Network], float]] = {
    "network_parameters": lambda network: sum(network.parameters.values()),
    "batch_gmacs_as_paper": lambda network: sum(_gmacs(macs, False) for macs in network.own_macs.values()),
    "batch_gmacs_all": lambda network: sum(_gmacs(macs, True) for macs in network.own_macs.values()),
    "equal_gmacs_all": lambda network: sum(_gmacs(macs, True) for macs in network.equal_macs.values()),
}

PART_COUNTS: dict[str, Callable[[Network], dict[str, float]]] = {
    "part_parameters": lambda network: {part: float(count) for part, count in network.parameters.items()},
    "part_gmacs_as_paper": lambda network: {part: _gmacs(macs, False) for part, macs in network.own_macs.items()},
    "part_gmacs_all": lambda network: {part: _gmacs(macs, True) for part, macs in network.own_macs.items()},
}
