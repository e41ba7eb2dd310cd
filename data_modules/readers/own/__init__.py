"""Users' own datasets: a folder with dataset.yaml, and .npz and .csv files (data_modules/README.md describes both)."""

from data_modules.readers.own.reader import OwnReader, is_own, misnamed, own_reader

__all__ = ["OwnReader", "is_own", "misnamed", "own_reader"]
