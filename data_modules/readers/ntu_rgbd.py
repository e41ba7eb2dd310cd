"""NTU RGB+D (Shahroudy et al., CVPR 2016) and NTU RGB+D 120 (Liu et al., TPAMI 2019): skeletons from the Kinect v2.

Axes: T frames, M persons, V joints, C coordinates.

A .skeleton file is text (see `skeleton_file`); its name SsssCcccPpppRrrrAaaa tells setup, camera, performer,
replication and action. Where the recording's film is in nturgb+d_rgb, its joints' places in the picture are kept too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.layouts import NTU25
from data_modules.readers.folds import fold_by, train_on_subjects
from data_modules.readers.ntu_actors import choose_actors
from data_modules.readers.reader import Extra, Index, Protocol, Reader
from data_modules.readers.skeleton_file import parse
from data_modules.sequence import SkeletonSequence

FPS = 30.0
NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})(?!\d)")
NAME_IN_WORDS = "SsssCcccPpppRrrrAaaa (setup, camera, performer, replication and action, three digits each)"
FILMS = "nturgb+d_rgb"
FILM_ENDING = "_rgb.avi"
FILM_WIDTH, FILM_HEIGHT = 1920, 1080

# The official action lists, A1 to A60 and A61 to A120; A50 to A60 and A106 to A120 are done by two people.
NTU60_CLASSES = tuple(
    action
    for line in """
drink water; eat meal; brush teeth; brush hair; drop; pick up; throw; sit down; stand up; clap; reading; writing
tear up paper; put on jacket; take off jacket; put on a shoe; take off a shoe; put on glasses; take off glasses
put on a hat; take off a hat; cheer up; hand waving; kicking something; reach into pocket; hopping; jump up
phone call; play with phone or tablet; type on a keyboard; point to something; taking a selfie; check time on watch
rub two hands together; nod head or bow; shake head; wipe face; salute; put palms together; cross hands in front
sneeze or cough; staggering; falling down; headache; chest pain; back pain; neck pain; nausea or vomiting; fan self
punch or slap other person; kick other person; push other person; pat on back of other person
point finger at other person; hug other person; give something to other person; touch other person's pocket
shake hands; walk towards each other; walk apart from each other
""".strip().splitlines()
    for action in line.split("; ")
)
NTU120_CLASSES = NTU60_CLASSES + tuple(
    action
    for line in """
put on headphone; take off headphone; shoot at the basket; bounce ball; tennis bat swing; juggle table tennis balls
hush; flick hair; thumb up; thumb down; make ok sign; make victory sign; staple book; counting money; cutting nails
cutting paper; snap fingers; open bottle; sniff; squat down; toss a coin; fold paper; ball up paper; play magic cube
apply cream on face; apply cream on hand; put on bag; take off bag; put something into a bag
take something out of a bag; open a box; move heavy objects; shake fist; throw up cap or hat; hands up; cross arms
arm circles; arm swings; run on the spot; butt kicks; cross toe touch; side kick; yawn; stretch oneself; blow nose
hit other person with something; wield knife towards other person; knock over other person
grab other person's stuff; shoot at other person with a gun; step on foot; high-five; cheers and drink
carry something with other person; take a photo of other person; follow other person; whisper in other person's ear
exchange things with other person; support somebody with hand; rock-paper-scissors
""".strip().splitlines()
    for action in line.split("; ")
)

# The performers that train in cross-subject, as the two papers list them.
NTU60_TRAIN_SUBJECTS = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
NTU120_TRAIN_SUBJECTS = (
    *NTU60_TRAIN_SUBJECTS,
    *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78),
    *(80, 81, 82, 83, 84, 85, 86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
)


def cross_subject(classes: tuple[str, ...], train_subjects: Sequence[int]) -> Protocol:
    return Protocol(classes, train_on_subjects(train_subjects))


def cross_view(classes: tuple[str, ...]) -> Protocol:
    """Cameras 2 and 3 train, camera 1 tests."""
    return Protocol(classes, fold_by(lambda index: np.isin(index.camera, (2, 3))), mixes_subjects=True)


def cross_setup(classes: tuple[str, ...]) -> Protocol:
    """Even setups train, odd ones test."""
    return Protocol(classes, fold_by(lambda index: index.setup % 2 == 0), mixes_subjects=True)


class Ids(NamedTuple):
    """What a recording's name tells, all from 1."""

    setup: int
    camera: int
    subject: int
    replication: int
    action: int

    @property
    def name(self) -> str:
        return "S{:03}C{:03}P{:03}R{:03}A{:03}".format(*self)


def ids_in(name: str) -> Ids | None:
    """The ids out of a name; None where it has not the pattern."""
    found = NAME.search(name)
    return Ids(*map(int, found.groups())) if found else None


def index_from_names(names: Iterable[str]) -> Index:
    """The index of recordings of which only the names are known. Raises DataError for a name without the pattern."""
    names = list(names)
    ids = [ids_in(name) for name in names]
    if None in ids:
        raise DataError(f"{names[ids.index(None)]!r} is no recording of NTU RGB+D: expected {NAME_IN_WORDS}")
    setup, camera, subject, replication, action = np.array(ids, np.int64).reshape(-1, 5).T
    return Index.of(
        np.array(names, np.str_),
        label=action - 1,
        subject=subject,
        camera=camera,
        setup=setup,
        replication=replication,
        fps=np.full(len(names), FPS),
    )


@cache
def missing_names(dataset: str) -> frozenset[str]:
    """The recordings whose skeletons the authors declare missing or incomplete (302 of NTU-60, 535 of NTU-120)."""
    return frozenset((Path(__file__).parent / "missing" / f"{dataset}.txt").read_text("ascii").split())


class NtuReader(Reader):
    """The skeletons of one NTU dataset.

    subfolders: where in the dataset's folder the .skeleton files lie; max_setup: the last setup that belongs to the
    dataset; recordings: how many have a skeleton; missing: the name of the list of those that have none, '' where there
    is none.
    """

    version = 2
    layout = NTU25

    def __init__(
        self,
        name: str,
        folder: str,
        subfolders: tuple[str, ...],
        max_setup: int,
        protocols: Mapping[str, Protocol],
        recordings: int | None = None,
        missing: str = "",
    ) -> None:
        self.name = name
        self.folder = folder
        self.looked_for = ", ".join(f"{subfolder}/*.skeleton" for subfolder in subfolders)
        self.protocols = protocols
        self.recordings = recordings
        self.num_classes = len(next(iter(protocols.values())).classes)
        self.subfolders = subfolders
        self.max_setup = max_setup
        self.missing = missing

    def files(self, root: Path) -> Iterator[Path]:
        """Every .skeleton file of this dataset, by name; those with missing skeletons are left out."""
        missing = missing_names(self.missing) if self.missing else frozenset()
        files = {path.stem: path for subfolder in self.subfolders for path in (root / subfolder).glob("*.skeleton")}
        for name in sorted(files.keys() - missing):
            if self._has(name):
                yield files[name]

    def _has(self, name: str) -> bool:
        """Whether the recording of this name, from its first letter to its last, is one of the dataset."""
        ids = ids_in(name) if NAME.fullmatch(name) else None
        return ids is not None and ids.setup <= self.max_setup and 1 <= ids.action <= self.num_classes

    def companions(self, root: Path) -> Iterator[Path]:
        """The films: `read` looks whether there is one."""
        for film in sorted((root / FILMS).glob(f"*{FILM_ENDING}")):
            if self._has(film.name.removesuffix(FILM_ENDING)):
                yield film

    def extras_in(self, root: Path) -> tuple[Extra, ...]:
        return ("pixels",) if any(self.companions(root)) else ()

    def recognises(self, path: Path) -> bool:
        ids = ids_in(path.name)
        return path.suffix == ".skeleton" and (ids is None or 1 <= ids.action <= self.num_classes)

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """The actors of one recording, from the first to the last frame in which one of them is seen."""
        ids = ids_in(path.name)
        if ids is None:
            raise UnreadableRecordingError(path, f"the file's name must hold {NAME_IN_WORDS}")
        if not 1 <= ids.action <= self.num_classes:
            raise UnreadableRecordingError(
                path, f"{self.name} has the actions 1 to {self.num_classes}, not {ids.action}"
            )
        film = f"{FILMS}/{path.stem}{FILM_ENDING}"
        filmed = (path.absolute().parent.parent / film).is_file()
        bodies, num_frames = parse(path, with_pixels=filmed)
        if not bodies:
            raise UnreadableRecordingError(path, f"nobody in any of the {num_frames} frames")
        acted = choose_actors(bodies, num_frames)
        sequence = SkeletonSequence(
            joints=acted.joints,
            valid=acted.valid,
            label=ids.action - 1,
            sample_id=ids.name,
            layout=self.layout,
            fps=FPS,
            subject=ids.subject,
            camera=ids.camera,
            setup=ids.setup,
            replication=ids.replication,
            pixels=acted.pixels,
            first_frame=acted.first_frame,
            recorded_frames=num_frames,
            video=film if filmed else "",
            image_width=FILM_WIDTH if filmed else 0,
            image_height=FILM_HEIGHT if filmed else 0,
        )
        return [sequence]


FIRST_FOLDER = "nturgb+d_skeletons"
SECOND_FOLDER = "nturgb+d_skeletons_s018_to_s032"  # as the archive is called
AS_OTHERS_CALL_IT = "nturgb+d_skeletons120"  # CTR-GCN and what follows it have users unpack the archive there

NTU60 = NtuReader(
    name="ntu60",
    folder="ntu_rgbd",
    subfolders=(FIRST_FOLDER,),
    max_setup=17,
    protocols={"xsub": cross_subject(NTU60_CLASSES, NTU60_TRAIN_SUBJECTS), "xview": cross_view(NTU60_CLASSES)},
    recordings=56_578,
    missing="ntu60",
)
NTU120 = NtuReader(
    name="ntu120",
    folder="ntu_rgbd",
    subfolders=(FIRST_FOLDER, SECOND_FOLDER, AS_OTHERS_CALL_IT),
    max_setup=32,
    protocols={"xsub": cross_subject(NTU120_CLASSES, NTU120_TRAIN_SUBJECTS), "xset": cross_setup(NTU120_CLASSES)},
    recordings=113_945,
    missing="ntu120",
)
DEMO = NtuReader(
    name="demo",
    folder="demo",
    subfolders=(FIRST_FOLDER, SECOND_FOLDER),
    max_setup=32,
    protocols={
        "xsub": cross_subject(NTU60_CLASSES, NTU60_TRAIN_SUBJECTS),
        "xview": cross_view(NTU60_CLASSES),
        "xset": cross_setup(NTU60_CLASSES),
    },
)
