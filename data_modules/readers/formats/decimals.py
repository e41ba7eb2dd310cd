"""Many decimal numbers read out of a text at once, each equal to what float() gives.

Axes: K numbers, W the two words of 8 characters in which each one ends.

The usual number is a sign and up to 15 digits with a point among them. Its last 16 characters are taken as two 64-bit
words, and arithmetic within a word reads eight digits at a time: pairs of digits become numbers up to 99, pairs of
those numbers up to 9999, and so on. The digits without the point, and the power of ten to divide by, are exact in
float64, so that their quotient is rounded once, as float() rounds. Every other number goes to float() itself.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Positions = NDArray[np.int64]

WINDOW = 16  # characters: two words
EXACT = 2**53  # whole numbers up to here are exact in float64

# By the length of a number: which characters of its window are its own. The first character is a word's lowest byte.
OWN_WL = np.ascontiguousarray(
    np.array(
        [[255 if WINDOW - length <= character else 0 for character in range(WINDOW)] for length in range(WINDOW + 1)],
        np.uint8,
    )
    .view("<u8")
    .T
)
ONES = np.uint64(0x0101010101010101)
# Times a word with one byte of 1, this gives in the highest byte how many characters from the point to the end.
POINT_PLACES_W = np.array([[0x100F0E0D0C0B0A09], [0x0807060504030201]], np.uint64)
# By that number of characters, 0 where there is no point.
FROM_POINT = 10 ** np.arange(WINDOW + 1, dtype=np.uint64)
SURPLUS = np.array([0, *(9 * 10**digits for digits in range(WINDOW))], np.uint64)
SCALE = np.array([1, *(10.0**digits for digits in range(WINDOW))])


def decimals(data: bytes, starts: Positions, ends: Positions) -> NDArray[np.float64]:
    """The numbers (K,) that are written at data[start:end], where every end is at least 16 and starts lie before ends.

    Raises ValueError where one of them is no number to float().
    """
    negative = np.frombuffer(data, np.uint8)[starts] == ord("-")
    lengths = ends - starts - negative
    windows = np.ndarray((len(data) - WINDOW + 1,), f"V{WINDOW}", data, strides=(1,))[ends - WINDOW]
    characters = windows.view(np.uint8)
    own_WK = OWN_WL.take(np.minimum(lengths, WINDOW), axis=1)
    digits = characters - np.uint8(ord("0"))
    is_digit, is_point = digits <= 9, characters == ord(".")
    points_WK = _words(is_point) & own_WK
    strange_WK = (_words(is_digit | is_point) ^ ONES) & own_WK
    whole = _sixteen_digits(_words(digits * is_digit) & own_WK)
    num_points = _highest_bytes(points_WK * ONES)
    usual = (lengths <= WINDOW) & (lengths > num_points) & (num_points <= 1) & ((strange_WK[0] | strange_WK[1]) == 0)

    # So far the point counts as a digit 0: what stands before it is ten times too large.
    place = _highest_bytes(points_WK * POINT_PLACES_W) * usual
    mantissa = whole - whole // FROM_POINT[place] * SURPLUS[place]
    numbers = mantissa / SCALE[place] * (1.0 - 2.0 * negative)
    for unusual in np.flatnonzero(~usual | (mantissa > EXACT)):
        numbers[unusual] = float(data[starts[unusual] : ends[unusual]])
    return numbers


def _words(characters: NDArray) -> Words:
    """The windows' bytes, one after another, as words (W, K)."""
    return characters.view("<u8").reshape(-1, 2).T


def _sixteen_digits(words_WK: Words) -> Words:
    """The numbers (K,) whose digits, 0 to 9 each, are the bytes of two words."""
    words = words_WK * np.uint64(10) + (words_WK >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    words = words * np.uint64(100) + (words >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    words = words * np.uint64(10_000) + (words >> np.uint64(32)) & np.uint64(0x00000000FFFFFFFF)
    return words[0] * np.uint64(10**8) + words[1]


def _highest_bytes(words_WK: Words) -> Positions:
    """The sums (K,) of the highest bytes of two words."""
    first, last = words_WK >> np.uint64(56)
    return (first + last).view(np.int64)
