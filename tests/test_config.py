"""Composing settings: who wins, and what is refused with which words."""

from dataclasses import asdict
from pathlib import Path

import pytest

from skeleton_lab.config import Request, compose, declared, default_protocol, parse_overrides
from skeleton_lab.errors import RequestError
from skeleton_lab.registry import MODELS
from tests.own_dataset import write_description


def request(**changes: object) -> Request:
    fields = {"model": "sgn", "dataset": "ntu60", "protocol": "xsub", "scale": "paper", **changes}
    return Request(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize(
    ("dataset", "protocol"),
    [("ntu60", "xsub"), ("ntu60", "xview"), ("ntu120", "xset"), ("shrec2017", "gestures28"), ("demo", "xsub")],
)
def test_everything_declared_composes(model: str, scale: str, dataset: str, protocol: str) -> None:
    settings = compose(request(model=model, dataset=dataset, protocol=protocol, scale=scale))
    assert "???" not in str(asdict(settings))


def test_the_published_recipe() -> None:
    training = compose(request(model="adasgn")).training
    assert (training.epochs, training.batch_size, training.learning_rate) == (120, 64, 1e-3)
    assert (training.weight_decay, training.milestones, training.label_smoothing) == (1e-4, [60, 90, 110], 0.1)


def test_later_layers_win() -> None:
    assert compose(request()).data.rotation_degrees == 17
    assert compose(request(dataset="shrec2017", protocol="gestures14")).data.rotation_degrees == 0
    assert compose(request(scale="demo")).training.epochs < 120
    assert compose(request(changes={"training.epochs": 7})).training.epochs == 7
    both = request(changes={"training.epochs": 7}, overrides={"training.epochs": 8})
    assert compose(both).training.epochs == 8


def test_protocols_bring_their_own_settings() -> None:
    assert compose(request()).data.align_up is None
    assert compose(request(protocol="xview")).data.align_up == [0, 20]


def test_overrides_apply_where_they_are_known() -> None:
    overrides = parse_overrides(["alpha=2", "epochs=3"], ["sgn", "adasgn"])
    assert overrides == {"model.alpha": 2, "training.epochs": 3}
    assert compose(request(overrides=overrides)).training.epochs == 3
    assert compose(request(model="adasgn", overrides=overrides)).model.alpha == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["alfa=2"], "did you mean 'alpha'"),
        (["training.epoch=2"], "did you mean 'training.epochs'"),
        (["model.temprature=2"], "did you mean 'model.temperature'"),
        (["epochs"], "not of the form key=value"),
    ],
)
def test_unknown_keys_name_the_nearest(arguments: list[str], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        parse_overrides(arguments, ["adasgn"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "sgm"}, "unknown model 'sgm': did you mean 'sgn'"),
        ({"dataset": "ntu6"}, "unknown dataset 'ntu6': did you mean 'ntu60'"),
        ({"protocol": "xsubs"}, "unknown protocol of ntu60 'xsubs': did you mean 'xsub'"),
        ({"scale": "papr"}, "unknown scale 'papr': did you mean 'paper'"),
        ({"changes": {"model.size": "bigg"}}, "model.size: Invalid value 'bigg', expected one of"),
        ({"changes": {"training.epochs": "many"}}, "training.epochs: Value 'many'"),
        ({"changes": {"model.alpha": 2}}, "unknown key of model sgn 'model.alpha'"),
    ],
)
def test_wrong_requests_are_refused_in_one_line(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        compose(request(**changes))
    assert "\n" not in str(caught.value)


def test_a_required_run_shares_the_data_the_seed_and_the_overrides() -> None:
    parent = request(
        model="adasgn",
        changes={"model.alpha": 1, "seed": 3, "data.stream": "bone"},
        overrides={"training.epochs": 2},
    )
    child = parent.for_model("adasgn_single", {"model.joints": 9})
    assert child.changes == {"seed": 3, "data.stream": "bone", "model.joints": 9}
    assert child.overrides == parent.overrides


def test_every_declared_model_is_registered() -> None:
    assert set(declared("models")) == set(MODELS)


def test_an_own_dataset_declares_itself(tmp_path: Path) -> None:
    root = write_description(tmp_path / "mine", settings={"persons": 2, "centre_joint": "chest"})
    assert default_protocol(str(root)) == "by_subject"
    settings = compose(request(dataset=str(root), protocol="by_subject"))
    assert (settings.data.dataset, settings.data.persons, settings.data.centre_joint) == ("mine", 2, 1)
    assert compose(request(dataset=str(root), protocol="by_subject", changes={"data.persons": 1})).data.persons == 1
    with pytest.raises(RequestError, match="unknown protocol of mine 'by_subjct': did you mean 'by_subject'"):
        compose(request(dataset=str(root), protocol="by_subjct"))
    with pytest.raises(RequestError, match="unknown dataset"):
        default_protocol(str(tmp_path / "nothing"))


def test_official_datasets_name_their_default_protocol() -> None:
    assert (default_protocol("ntu60"), default_protocol("shrec2017")) == ("xsub", "gestures14")


@pytest.mark.parametrize(("dataset", "kept"), [("shrec2017", "masked"), ("ntu60", "zeros")])
@pytest.mark.parametrize("model", ["sgn", "adasgn"])
def test_where_clips_have_one_person_nobody_is_absent(model: str, dataset: str, kept: str) -> None:
    protocol = "gestures14" if dataset == "shrec2017" else "xsub"
    changes = {"model.absent_persons": "zeros"}
    assert compose(Request(model, dataset, protocol, "paper", changes)).model.absent_persons == kept


def test_an_override_can_be_meant_for_one_model() -> None:
    overrides = parse_overrides(["epochs=7", "adasgn.epochs=3", "adasgn.model.alpha=9"], ["adasgn"])
    assert overrides == {"training.epochs": 7, "adasgn.training.epochs": 3, "adasgn.model.alpha": 9}
    second = Request("adasgn", "ntu60", "xsub", "paper", {}, overrides)
    assert (compose(second).training.epochs, compose(second).model.alpha) == (3, 9)
    assert compose(second.for_model("adasgn_single", {})).training.epochs == 7


def test_what_a_run_requires_is_not_up_to_the_user() -> None:
    overrides = parse_overrides(["adasgn_single.joints=9", "joints=9"], ["adasgn_single"])
    request = Request("adasgn", "ntu60", "xsub", "paper", {}, overrides)
    assert compose(request.for_model("adasgn_single", {"model.joints": 25})).model.joints == 25


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("adasgn.alpa=3", "did you mean 'alpha'"),
        ("adasgn.joints=9", "unknown key"),
        ("adasgn=9", "unknown key 'adasgn'"),
    ],
)
def test_a_key_that_the_named_model_has_not_is_refused(argument: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parse_overrides([argument], ["adasgn", "sgn"])


def test_a_model_that_the_table_has_nothing_to_do_with_cannot_be_named() -> None:
    with pytest.raises(RequestError, match=r"unknown key 'adasgn\.epochs'"):
        parse_overrides(["adasgn.epochs=3"], ["sgn", "adasgn_single"])
    assert parse_overrides(["adasgn_single.epochs=3"], ["adasgn"]) == {"adasgn_single.training.epochs": 3}
