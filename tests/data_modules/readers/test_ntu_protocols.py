"""NTU RGB+D: which files are whose, the protocols' published counts, and the choice of a reader by its name."""

from pathlib import Path

import pytest

from data_modules.errors import DataError, DatasetMissingError
from data_modules.readers import READERS, reader_for
from data_modules.readers.ntu_rgbd import DEMO, NTU60, NTU120, index_from_names, missing_names


class TestRecordings:
    MISSING = "S001C002P005R002A008"

    @pytest.fixture
    def data_root(self, tmp_path: Path) -> Path:
        for folder in ("ntu_rgbd", "demo"):
            first = tmp_path / folder / "nturgb+d_skeletons"
            second = tmp_path / folder / "nturgb+d_skeletons_s018_to_s032"
            first.mkdir(parents=True)
            second.mkdir()
            for name in ("S017C001P001R001A060", "S001C001P001R001A001", self.MISSING, "S018C001P001R001A001", "copy"):
                (first / f"{name}.skeleton").touch()
            (second / "S032C001P001R001A120.skeleton").touch()
            (second / "S032C001P001R001A060.skeleton").touch()
        return tmp_path

    def test_the_second_archive_may_lie_where_other_programs_want_it(self, data_root: Path) -> None:
        before = reader_for("ntu120").find(data_root)
        second = data_root / "ntu_rgbd" / "nturgb+d_skeletons_s018_to_s032"
        second.rename(second.with_name("nturgb+d_skeletons120"))
        assert [path.name for path in reader_for("ntu120").find(data_root)] == [path.name for path in before]

    def test_each_dataset_takes_its_own(self, data_root: Path) -> None:
        def found(name: str) -> list[str]:
            return [path.stem for path in reader_for(name).find(data_root)]

        of_60 = ["S001C001P001R001A001", "S017C001P001R001A060"]
        both = [*of_60, "S018C001P001R001A001", "S032C001P001R001A060"]
        assert found("ntu60") == of_60
        assert found("ntu120") == [*both, "S032C001P001R001A120"]
        assert found("demo") == sorted([*both, self.MISSING])

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetMissingError, match=r"no ntu60 recordings .* looked for nturgb\+d_skeletons/"):
            NTU60.find(tmp_path)

    @pytest.mark.parametrize(("dataset", "count"), [("ntu60", 302), ("ntu120", 535)])
    def test_missing_lists(self, dataset: str, count: int) -> None:
        missing = missing_names(dataset)
        assert len(missing) == count
        assert missing_names("ntu60") <= missing
        index = index_from_names(sorted(missing))
        last_setup, last_action = {"ntu60": (17, 60), "ntu120": (32, 120)}[dataset]
        assert index.setup.max() <= last_setup
        assert index.label.max() < last_action

    def test_real_files_are_found(self, ntu_root: Path) -> None:
        assert NTU60.find(ntu_root.parent)
        assert NTU120.find(ntu_root.parent)


class TestProtocols:
    @pytest.mark.parametrize(
        ("dataset", "protocol", "train", "test"),
        [
            ("ntu60", "xsub", 40_091, 16_487),
            ("ntu60", "xview", 37_646, 18_932),
            ("ntu120", "xsub", 63_026, 50_919),
            ("ntu120", "xset", 54_468, 59_477),
        ],
    )
    def test_published_counts(self, ntu_root: Path, dataset: str, protocol: str, train: int, test: int) -> None:
        names = ntu_root / "lists" / f"{dataset}_available_names.txt"
        if not names.is_file():
            pytest.skip(f"needs {names.name}")
        index = index_from_names(names.read_text().split())
        assert not missing_names(dataset) & set(index.sample_id.tolist())
        (fold,) = READERS[dataset].protocols[protocol].folds(index)
        assert (len(fold.train), len(fold.test)) == (train, test)
        assert set(index.label[fold.train]) == set(range(len(READERS[dataset].protocols[protocol].classes)))

    def test_rules(self) -> None:
        index = index_from_names(["S001C001P001R001A001", "S002C002P003R001A002", "S003C003P045R002A060"])
        expected = {("ntu60", "xview"): [1, 2], ("demo", "xview"): [1, 2], ("ntu60", "xsub"): [0]}
        expected |= {("ntu120", "xsub"): [0, 2], ("ntu120", "xset"): [1], ("demo", "xset"): [1], ("demo", "xsub"): [0]}
        for (dataset, protocol), train in expected.items():
            (fold,) = READERS[dataset].protocols[protocol].folds(index)
            assert fold.train.tolist() == train
            assert sorted([*fold.train, *fold.test]) == [0, 1, 2]

    def test_classes(self) -> None:
        for reader, count in ((NTU60, 60), (NTU120, 120), (DEMO, 60)):
            for protocol in reader.protocols.values():
                assert len(set(protocol.classes)) == len(protocol.classes) == count
                assert all(name == name.lower().strip() for name in protocol.classes)
        classes = NTU120.protocols["xsub"].classes
        assert [classes[number - 1] for number in (1, 50, 61)] == [
            "drink water",
            "punch or slap other person",
            "put on headphone",
        ]
        assert classes[119] == "rock-paper-scissors"

    def test_a_name_that_is_none(self) -> None:
        with pytest.raises(DataError, match="'walk' is no recording of NTU"):
            index_from_names(["S001C002P003R002A050", "walk"])
        assert len(index_from_names([])) == 0


class TestReaderFor:
    def test_names(self) -> None:
        assert {"ntu60", "ntu120", "demo"} <= set(READERS)
        assert all(reader_for(name).name == name for name in READERS)
        assert reader_for("ntu60") is NTU60

    def test_the_nearest_name(self) -> None:
        with pytest.raises(DataError, match=r"did you mean 'ntu120'.*ntu60, ntu120, shrec2017, .*demo"):
            reader_for("NTU-120")
