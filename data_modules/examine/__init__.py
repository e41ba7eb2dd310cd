"""Looking for what is wrong with recordings that can be read."""

from data_modules.examine.divisions import division_problems
from data_modules.examine.measures import measure
from data_modules.examine.own import own_problems
from data_modules.examine.recordings import recording_problems
from data_modules.readers.own import OwnReader
from data_modules.readers.reader import Reader
from data_modules.store import Problem, Store


def dataset_problems(reader: Reader, store: Store) -> list[Problem]:
    """Everything doubtful about a prepared dataset, kinds together: its recordings, classes and protocols."""
    measures = measure(store)
    return [
        *(own_problems(reader, store) if isinstance(reader, OwnReader) else ()),
        *recording_problems(store, measures),
        *division_problems(store.index, reader.protocols, measures.content),
    ]


def store_problems(store: Store) -> list[Problem]:
    """Everything doubtful about recordings that no protocol divides."""
    return list(recording_problems(store, measure(store)))
