"""Every dataset's demo, and a user's own recordings, go through the reader, and every model runs on them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from data_modules.layouts import LAYOUTS
from data_modules.readers import READERS, known_as
from data_modules.skeletons import SkeletonDataModule
from skeleton_lab.config import Request, compose
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.sources import Source, prepared
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule
from tests.helpers import SMALL, parameters
from tests.own_dataset import write_moves
from tests.plain_networks import PaddedGraphModule, RaggedModule

CLIPS = 24


@pytest.fixture(scope="module", params=[*READERS, "own"])
def source(request: pytest.FixtureRequest, demo_outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    dataset = request.param
    if dataset == "own":
        dataset = str(write_moves(tmp_path_factory.mktemp("own") / "my_moves"))
    return prepared(dataset, None, demo_outputs, "demo", demo_clips=CLIPS)


def settings_on(source: Source, model: str = "sgn", **changes: Any) -> RunSettings:
    protocol = next(iter(source.reader.protocols))
    return compose(Request(model, known_as(source.reader), protocol, "paper", {**SMALL, **changes}))


def data_for(source: Source, settings: RunSettings) -> SkeletonDataModule:
    protocol = source.reader.protocols[settings.data.protocol]
    return SkeletonDataModule(source.store, protocol, settings.data, batch_size=8, seed=1)


def assert_trains(module: ClassificationModule, data: SkeletonDataModule) -> None:
    """One training step changes the network, and every test clip gets finite logits."""
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    batch = next(iter(data.train_dataloader()))
    before = torch.nn.utils.parameters_to_vector(module.parameters()).clone()
    module.train()
    module.loss(module(batch), batch).backward()
    optimizer.step()
    assert not torch.equal(before, torch.nn.utils.parameters_to_vector(module.parameters()))
    module.eval()
    with torch.no_grad():
        logits = torch.cat([module(batch).logits for batch in data.test_dataloader()])
    assert logits.shape == (len(data.test) * module.settings.data.test_crops, data.num_classes)
    assert logits.isfinite().all()


def test_the_demo_is_usable(source: Source) -> None:
    assert source.is_demo is (source.reader.name != "my_moves")
    assert len(source.store) >= CLIPS // 2
    assert vars(source.store.layout) == vars(source.reader.layout)
    for protocol in source.reader.protocols.values():
        folds = protocol.folds(source.store.index)
        assert folds
        assert any(len(fold.train) and len(fold.test) for fold in folds)
        labels = getattr(source.store.index, protocol.label)
        assert 0 <= labels.min() <= labels.max() < len(protocol.classes)
        for fold in folds:
            assert not set(fold.train) & set(fold.test)


@pytest.mark.parametrize("model", [name for name, model in MODELS.items() if not model.shows_films])
def test_models_run(source: Source, model: str) -> None:
    changes = {"model.joints": source.reader.layout.joint_levels[0]} if model == "adasgn_single" else {}
    settings = settings_on(source, model, **changes)
    data = data_for(source, settings)
    module = MODELS[model].module_class()(settings, source.store.layout, data.num_classes)
    assert parameters(module.network) > 0
    assert_trains(module, data)


@pytest.mark.parametrize(
    ("network", "collation", "model"), [(RaggedModule, "ragged", "star_64"), (PaddedGraphModule, "padded", "sgn")]
)
def test_clips_of_any_length(source: Source, network: type[ClassificationModule], collation: str, model: str) -> None:
    settings = settings_on(source, model, **{"data.stream": "joint"})
    assert settings.data.collation == collation
    settings = replace(settings, data=replace(settings.data, sampling="all"))
    data = data_for(source, settings)
    assert_trains(network(settings, source.store.layout, data.num_classes), data)


def test_every_layout_belongs_to_a_dataset() -> None:
    assert {reader.layout.name for reader in READERS.values()} == set(LAYOUTS)
