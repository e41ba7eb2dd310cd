"""NTU RGB+D: what a recording's name and its film say, the choice of actors, and what is refused.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import NTU25
from data_modules.prepare import prepare
from data_modules.readers.ntu_actors import Body, choose_actors, drop_short, drop_spread, merge, motion, steady_motion
from data_modules.readers.ntu_rgbd import NTU60
from tests.data_modules.readers.skeleton_texts import (
    FIRST_ID,
    NAME,
    Frames,
    frames_of,
    person,
    skeleton_text,
    write_skeleton,
)
from tests.helpers import only


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    return partial(write_skeleton, tmp_path)


class TestRecordings:
    def test_ids_from_the_name(self, write: Callable[..., Path]) -> None:
        sequence = only(
            NTU60.read(write(frames_of(20, (FIRST_ID, list(range(20)), person(20))), f"copy_of_{NAME}.txt"))
        )
        assert (sequence.setup, sequence.camera, sequence.subject, sequence.replication) == (1, 2, 3, 2)
        assert (sequence.label, sequence.sample_id, sequence.layout, sequence.fps) == (49, NAME, NTU25, 30.0)

    def test_real_files(self, ntu_root: Path) -> None:
        expected = {"S001C001P001R001A001": (103, 1), "S001C001P001R001A011": (82, 1), "S001C001P001R001A050": (74, 2)}
        expected |= {f"S017C003P020R002A0{54 + i}": (length, 2) for i, length in enumerate((42, 66, 80, 76, 65))}
        for name, (num_frames, num_persons) in expected.items():
            sequence = only(NTU60.read(ntu_root / "nturgb+d_skeletons" / f"{name}.skeleton"))
            assert sequence.joints.shape == (num_frames, num_persons, 25, 3)
            assert sequence.valid.all()
            assert 0.5 < sequence.joints[..., 2].mean() < 6  # metres from the camera


class TestFilms:
    TIMES = (2, 3, 5)

    @pytest.fixture
    def filmed(self, write: Callable[..., Path], tmp_path: Path) -> Path:
        """One recording of six frames with a film, and one without; the first joint is not seen in one frame."""
        joints = person(len(self.TIMES))
        text = skeleton_text(frames_of(6, (FIRST_ID, list(self.TIMES), joints)))
        lines = [line.replace("NaN -Infinity", f"{at}.5 {2 * at}.25") for at, line in enumerate(text.splitlines())]
        for folder in ("ntu_rgbd/nturgb+d_skeletons", "ntu_rgbd/nturgb+d_rgb"):
            (tmp_path / folder).mkdir(parents=True)
        first = next(at for at, line in enumerate(lines) if len(line.split()) == 12)
        lines[first] = lines[first].replace(f"{first}.5", "NaN")
        for name in (NAME, NAME.replace("A050", "A051")):
            write("\n".join(lines), f"ntu_rgbd/nturgb+d_skeletons/{name}.skeleton")
        (tmp_path / f"ntu_rgbd/nturgb+d_rgb/{NAME}_rgb.avi").touch()
        return tmp_path

    def test_places_in_the_film(self, filmed: Path) -> None:
        sequence = only(NTU60.read(filmed / f"ntu_rgbd/nturgb+d_skeletons/{NAME}.skeleton"))
        assert sequence.video == f"nturgb+d_rgb/{NAME}_rgb.avi"
        assert (sequence.image_width, sequence.image_height) == (1920, 1080)
        assert (sequence.first_frame, sequence.recorded_frames) == (2, 6)
        # Two frames are empty, so that the first joint's line is number 6, from 0.
        assert sequence.pixels[0, 0, 0].tolist() == [0, 12.25]
        assert sequence.pixels[0, 0, 1].tolist() == [7.5, 14.25]
        assert not sequence.pixels[2].any()
        assert sequence.pixels[3, 0, 24].tolist() == [87.5, 174.25]

    def test_without_a_film(self, filmed: Path) -> None:
        path = filmed / f"ntu_rgbd/nturgb+d_skeletons/{NAME.replace('A050', 'A051')}.skeleton"
        sequence = only(NTU60.read(path))
        assert (sequence.pixels, sequence.video, sequence.image_width) == (None, "", 0)

    def test_the_store_has_places_where_there_are_films(self, filmed: Path) -> None:
        store = prepare(NTU60, filmed, filmed / "outputs")
        assert store.index.video.tolist() == [f"nturgb+d_rgb/{NAME}_rgb.avi", ""]
        assert store.sequence(0).pixels_TMVC.any()
        assert not store.sequence(1).pixels_TMVC.any()
        (filmed / f"ntu_rgbd/nturgb+d_rgb/{NAME}_rgb.avi").unlink()
        assert prepare(NTU60, filmed, filmed / "outputs").pixels_RVC is None

    def test_films_of_other_datasets_say_nothing(self, filmed: Path) -> None:
        films = filmed / "ntu_rgbd/nturgb+d_rgb"
        (films / f"{NAME}_rgb.avi").rename(films / "S018C001P001R001A001_rgb.avi")
        assert NTU60.extras_in(filmed / "ntu_rgbd") == ()

    def test_a_real_film(self, ntu_root: Path) -> None:
        sequence = only(NTU60.read(ntu_root / "nturgb+d_skeletons" / "S001C001P001R001A001.skeleton"))
        assert sequence.video == "nturgb+d_rgb/S001C001P001R001A001_rgb.avi"
        assert sequence.recorded_frames == 103
        assert (sequence.pixels > 0).all()
        assert (sequence.pixels < (sequence.image_width, sequence.image_height)).all()
        # Who stands higher is higher in the picture too.
        head, foot = sequence.pixels[:, 0, 3, 1], sequence.pixels[:, 0, 15, 1]
        assert (head < foot).all()


class TestActors:
    def test_two_bodies_the_livelier_first(self, write: Callable[..., Path]) -> None:
        calm, lively = person(30, x=-1, swing=0.02), person(30, x=1, swing=0.3, seed=1)
        times = list(range(30))
        sequence = only(NTU60.read(write(frames_of(30, (FIRST_ID, times, calm), (FIRST_ID + 1, times, lively)))))
        assert sequence.joints.shape == (30, 2, 25, 3)
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints, np.stack([lively, calm], axis=1), atol=1e-6)

    def test_a_body_that_returns_keeps_its_times(self, write: Callable[..., Path]) -> None:
        away = [*range(12), *range(20, 30)]
        back = person(len(away), x=1, swing=0.02)
        frames = frames_of(30, (FIRST_ID, list(range(30)), person(30, swing=0.3, seed=1)), (FIRST_ID + 1, away, back))
        sequence = only(NTU60.read(write(frames)))
        assert np.flatnonzero(sequence.valid[:, 1]).tolist() == away
        np.testing.assert_allclose(sequence.joints[away, 1], back, atol=1e-6)
        assert not sequence.joints[12:20, 1].any()

    def test_a_reidentified_body_is_merged(self, write: Callable[..., Path]) -> None:
        whole = person(40, swing=0.2)
        early, late = list(range(18)), list(range(21, 40))
        frames = frames_of(40, (FIRST_ID, early, whole[:18]), (FIRST_ID + 1, late, whole[21:]))
        sequence = only(NTU60.read(write(frames)))
        assert sequence.joints.shape == (40, 1, 25, 3)
        assert np.flatnonzero(~sequence.valid[:, 0]).tolist() == [18, 19, 20]
        np.testing.assert_allclose(sequence.joints[late, 0], whole[21:], atol=1e-6)

    def test_a_body_within_the_gap_of_another_is_merged(self) -> None:
        outer = Body(np.array([*range(15), *range(30, 45)]), person(30, swing=0.3).astype(np.float32))
        inner = Body(np.arange(15, 30), person(15).astype(np.float32))
        assert merge([outer, inner]) == [[outer, inner]]

    def test_one_shared_frame_is_no_overlap_and_the_first_has_it(self) -> None:
        first = Body(np.arange(20), person(20, swing=0.3).astype(np.float32))
        second = Body(np.arange(19, 40), person(21).astype(np.float32))
        acted = choose_actors([first, second], 40)
        assert acted.valid.shape == (40, 1)
        np.testing.assert_array_equal(acted.joints[19, 0], first.joints[19])

    def test_a_third_body_is_left_out(self) -> None:
        bodies = [
            Body(np.arange(20), person(20, x, swing).astype(np.float32)) for x, swing in ((0, 0.3), (1, 0.2), (2, 0.1))
        ]
        joints = choose_actors(bodies[::-1], 20).joints
        np.testing.assert_array_equal(joints, np.stack([bodies[0].joints, bodies[1].joints], axis=1))

    def test_a_phantom_is_dropped(self, write: Callable[..., Path]) -> None:
        table = person(30, x=1, swing=0.5, width=2.0, seed=1)
        times = list(range(30))
        sequence = only(NTU60.read(write(frames_of(30, (FIRST_ID, times, table), (FIRST_ID + 1, times, person(30))))))
        assert sequence.joints.shape[1] == 1
        np.testing.assert_allclose(sequence.joints[:, 0], person(30), atol=1e-6)

    @pytest.mark.parametrize(("length", "persons"), [(11, 1), (12, 2)])
    def test_a_short_body_is_dropped(self, write: Callable[..., Path], length: int, persons: int) -> None:
        brief = person(length, x=1, seed=1)
        frames = frames_of(30, (FIRST_ID, list(range(30)), person(30)), (FIRST_ID + 1, list(range(length)), brief))
        assert only(NTU60.read(write(frames))).joints.shape[1] == persons

    def test_a_lone_body_is_never_noise(self, write: Callable[..., Path]) -> None:
        frames = frames_of(5, (FIRST_ID, list(range(5)), person(5, width=3.0)))
        assert only(NTU60.read(write(frames))).joints.shape == (5, 1, 25, 3)

    @pytest.mark.parametrize("drop", [drop_short, drop_spread])
    def test_noise_steps_leave_the_one_with_most_motion(self, drop: Callable[[list[Body]], list[Body]]) -> None:
        calm = Body(np.arange(9), person(9, width=3.0, swing=0.0).astype(np.float32))
        lively = Body(np.arange(9), person(9, width=3.0, swing=0.5).astype(np.float32))
        assert drop([calm, lively]) == [lively]
        assert drop([lively, calm]) == [lively]

    def test_motion_ignores_spread_frames_where_that_is_less(self) -> None:
        joints = np.concatenate([person(20), person(5, width=3.0, x=2)]).astype(np.float32)
        assert steady_motion(Body(np.arange(25), joints)) == pytest.approx(motion(joints[:20]))
        assert motion(joints) > motion(joints[:20])

    def test_empty_frames_inside_stay_and_those_outside_go(self, write: Callable[..., Path]) -> None:
        there = [*range(4, 10), *range(13, 20)]
        sequence = only(NTU60.read(write(frames_of(25, (FIRST_ID, there, person(len(there)))))))
        assert np.flatnonzero(sequence.valid[:, 0]).tolist() == [time - 4 for time in there]
        assert len(sequence.joints) == 16
        assert (sequence.first_frame, sequence.recorded_frames) == (4, 25)

    def test_a_zero_skeleton_is_nobody(self, write: Callable[..., Path]) -> None:
        joints = person(20)
        joints[7] = 0
        sequence = only(NTU60.read(write(frames_of(20, (FIRST_ID, list(range(20)), joints)))))
        assert np.flatnonzero(~sequence.valid[:, 0]).tolist() == [7]


class TestRefused:
    @pytest.mark.parametrize("frames", [frames_of(3), frames_of(3, (FIRST_ID, [1], np.zeros((1, 25, 3))))])
    def test_nobody(self, write: Callable[..., Path], frames: Frames) -> None:
        with pytest.raises(UnreadableRecordingError, match="nobody in any of the 3 frames"):
            only(NTU60.read(write(frames)))

    @pytest.mark.parametrize("name", ["walk.skeleton", "S001C002P003R002.skeleton", "S001C002P003R002A0501.skeleton"])
    def test_a_name_without_the_pattern(self, write: Callable[..., Path], name: str) -> None:
        with pytest.raises(UnreadableRecordingError, match="SsssCcccPpppRrrrAaaa"):
            only(NTU60.read(write("1\n0\n", name)))

    @pytest.mark.parametrize("action", ["A000", "A061"])
    def test_an_action_of_another_dataset(self, write: Callable[..., Path], action: str) -> None:
        with pytest.raises(UnreadableRecordingError, match="ntu60 has the actions 1 to 60"):
            only(NTU60.read(write("1\n0\n", f"S001C001P001R001{action}.skeleton")))
