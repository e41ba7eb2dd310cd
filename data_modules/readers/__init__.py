"""The readers of all datasets, by name."""

import difflib
from pathlib import Path

from data_modules.errors import DataError
from data_modules.readers.berkeley_mhad import BERKELEY_MHAD
from data_modules.readers.florence3d import FLORENCE3D
from data_modules.readers.ntu_rgbd import DEMO, NTU60, NTU120
from data_modules.readers.nw_ucla import NW_UCLA
from data_modules.readers.own import OwnReader, is_own, own_reader
from data_modules.readers.penn_action import PENN_ACTION
from data_modules.readers.pose_pickles import POSE_PICKLES
from data_modules.readers.reader import Reader
from data_modules.readers.sbu_kinect import SBU_KINECT
from data_modules.readers.shrec2017 import SHREC2017
from data_modules.readers.sysu_3d import SYSU_3D
from data_modules.readers.ut_kinect import UT_KINECT, UT_KINECT_OFFICIAL

READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        NTU60,
        NTU120,
        SHREC2017,
        UT_KINECT,
        UT_KINECT_OFFICIAL,
        SBU_KINECT,
        FLORENCE3D,
        NW_UCLA,
        SYSU_3D,
        BERKELEY_MHAD,
        PENN_ACTION,
        *POSE_PICKLES,
        DEMO,
    )
}


def reader_for(name: str) -> Reader:
    """The reader of a dataset, or of the folder of a user's own one, given by its path.

    Raises DataError, with the nearest right name, where there is none of that name, or for a mistake in dataset.yaml.
    """
    if name in READERS:
        return READERS[name]
    if is_own(Path(name)):
        reader = own_reader(Path(name))
        if reader.name in READERS:
            raise DataError(f"{name}: {reader.name} is the name of another dataset; rename the folder")
        return reader
    nearest = difflib.get_close_matches(name.lower(), READERS, n=1, cutoff=0.0)[0]
    raise DataError(f"no dataset is called {name!r}; did you mean {nearest!r}? There are: {', '.join(READERS)}.")


def known_as(reader: Reader) -> str:
    """What `reader_for` knows a reader by: its name, or its folder where it is of a user's own dataset."""
    return reader.folder if isinstance(reader, OwnReader) else reader.name
