"""Numbers read at once, against float()."""

import numpy as np
import pytest

from data_modules.readers.formats.decimals import decimals


def read(words: list[str]) -> np.ndarray:
    """The words' numbers, out of a text in which other words stand before and behind them."""
    text = ("0123456789 12.5 " + " ".join(words) + " 9\n").encode()
    lengths = np.array([len(word) for word in words], np.int64)
    ends = np.cumsum(lengths + 1) + 15
    return decimals(text, ends - lengths, ends)


def assert_as_float(words: list[str]) -> None:
    np.testing.assert_array_equal(read(words).view(np.int64), np.array([float(word) for word in words]).view(np.int64))


@pytest.mark.parametrize("form", ["{:.7g}", "{:.0f}", "{:.1f}", "{:.12f}", "{:.13g}", "{:.15g}", "{:.17g}", "{:e}"])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3, 1e9])
def test_random_numbers(form: str, size: float) -> None:
    assert_as_float([form.format(number) for number in np.random.default_rng(0).normal(0, size, 2000)])


def test_every_place_of_the_point() -> None:
    digits = "987654321098765"
    assert_as_float([f"{sign}{digits[:at]}.{digits[at:]}" for at in range(16) for sign in ("", "-")])
    assert_as_float([f"{digits[:length]}" for length in range(1, 16)])


def test_the_largest_whole_numbers_that_are_exact() -> None:
    assert_as_float(
        ["9007199254740991", "9007199254740992", "9007199254740993", "9999999999999999", "99999999999999999"]
    )
    assert_as_float(
        ["0.9007199254741", "900719925474099.3", "999999999999999.9", "-999999999999999", "0.00000000000001"]
    )


def test_unusual_words() -> None:
    assert_as_float(["-0", "0", "-0.0", ".5", "5.", "-.5", "-5.", "+3", "1_000.5", "1e5", "-1E-05", "0" * 40 + "1"])
    assert_as_float(["NaN", "nan", "inf", "-Infinity", "1e400", "infinity"])


@pytest.mark.parametrize(
    "word",
    ["-", ".", "-.", "--1", "1-2", "1.2.3", "1/2", "1:2", "x", "0x10", "1,5", "e5", "1" * 20 + "x", "\x7f", "1\x00"],
)
def test_what_is_no_number_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        read(["1.5", word, "2.5"])


def test_none() -> None:
    assert not len(read([]))
