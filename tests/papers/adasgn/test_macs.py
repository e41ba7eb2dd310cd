"""The multiply–accumulates that the paper prints, to its last digit."""

import pytest

from data_modules.layouts import HAND22, NTU25, Layout
from skeleton_lab.papers.adasgn.macs import PUBLISHED_SHARES, action_macs, adasgn_macs, nominal_gmacs, sgn_macs
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings, SGNSettings


def single(layout: Layout, classes: int, joints: int, size: str) -> float:
    settings = SGNSettings(joints=joints, size=size, joint_transform="learned")  # type: ignore[arg-type]
    return sgn_macs(settings, layout, classes, 20).as_paper / 1e9


@pytest.mark.parametrize(
    ("joints", "size", "gmacs"),
    [
        (1, "small", 0.00987),
        (1, "big", 0.01318),
        (9, "small", 0.03263),
        (9, "big", 0.06239),
        (25, "small", 0.07816),
        (25, "big", 0.16085),
    ],
)
def test_single_models_of_table_1(joints: int, size: str, gmacs: float) -> None:
    assert round(single(NTU25, 60, joints, size), 5) == gmacs


@pytest.mark.parametrize(
    ("joints", "small", "big"), [(1, 0.00985, 0.01315), (11, 0.03829, 0.07467), (22, 0.06959, 0.14236)]
)
def test_single_models_of_shrec(joints: int, small: float, big: float) -> None:
    assert (round(single(HAND22, 14, joints, "small"), 5), round(single(HAND22, 14, joints, "big"), 5)) == (small, big)


def test_the_lookup_table_of_the_efficiency_loss() -> None:
    expected = [0.002843696, 0.006151216, 0.025597872, 0.0553655520, 0.0711308, 0.1538188]
    assert nominal_gmacs(NTU25, 20) == pytest.approx(expected, rel=1e-12)


def test_every_cost_grows_with_size() -> None:
    counts = action_macs(HAND22, 1.0, 20)
    # Eleven joints in the big module cost more than all of them in the small one: costs do not rise with the number.
    assert counts[3].as_paper > counts[4].as_paper
    assert all(small.all < big.all for small, big in zip(counts[::2], counts[1::2], strict=True))


@pytest.mark.parametrize(
    ("shares", "gmacs"),
    [
        (PUBLISHED_SHARES, 0.0731),
        ((52.76, 0.01, 0.01, 47.21, 0.01, 0.00), 0.0361),
        ((0.08, 0.05, 33.96, 0.06, 0.12, 65.72), 0.1198),
        ((100.0,) * 6, 0.3220),
    ],
)
def test_rows_of_table_3_from_the_papers_own_shares(shares: tuple[float, ...], gmacs: float) -> None:
    counted = adasgn_macs(AdaSGNSettings(), NTU25, 60, 20, [share / 100 for share in shares])
    assert round(counted.as_paper / 1e9, 4) == gmacs


def test_products_of_graphs_are_counted_among_all() -> None:
    uncounted = 2 * 20 * 25 * 25 * 256  # θ·φᵀ over 256 channels, and at most that for each G·x
    macs = sgn_macs(SGNSettings(), NTU25, 60, 20)
    assert macs.all > macs.as_paper
    assert macs.all - macs.as_paper < 2 * uncounted
