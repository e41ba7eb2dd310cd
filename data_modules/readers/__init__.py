"""The readers of all datasets, by name."""

import difflib

from data_modules.errors import DataError
from data_modules.readers.ntu_rgbd import DEMO, NTU60, NTU120
from data_modules.readers.reader import Reader
from data_modules.readers.shrec2017 import SHREC2017

READERS: dict[str, Reader] = {reader.name: reader for reader in (NTU60, NTU120, SHREC2017, DEMO)}


def reader_for(name: str) -> Reader:
    """The reader of a dataset. Raises DataError, with the nearest right name, where there is none of that name."""
    if name not in READERS:
        nearest = difflib.get_close_matches(name.lower(), READERS, n=1, cutoff=0.0)[0]
        raise DataError(f"no dataset is called {name!r}; did you mean {nearest!r}? There are: {', '.join(READERS)}.")
    return READERS[name]
