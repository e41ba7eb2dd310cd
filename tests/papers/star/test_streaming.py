"""STAR on a stream."""

import pytest
import torch

from data_modules.layouts import NTU25
from skeleton_lab.papers.star.network import STAR
from skeleton_lab.papers.star.settings import STARSettings
from skeleton_lab.papers.star.streaming import RunningSTAR, WindowedSTAR

FRAMES = 9


def network(layers: int) -> STAR:
    torch.manual_seed(0)
    return STAR(STARSettings(channels=16, layers=layers, heads=4, head_channels=8), NTU25, 5).double().eval()


def stream() -> torch.Tensor:
    return torch.randn(FRAMES, 25, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("window", [1, 4, FRAMES])
def test_a_window_is_scored_exactly(window: int) -> None:
    built, x = network(layers=2), stream()
    windowed = WindowedSTAR(built, window)
    for frame in range(FRAMES):
        shown = x[max(frame + 1 - window, 0) : frame + 1]
        wanted = built(shown, torch.tensor([0, len(shown)]))[0]
        torch.testing.assert_close(windowed.push(x[frame]), wanted, rtol=0, atol=1e-12)


def test_running_sums_of_the_first_layer_are_those_of_the_clip() -> None:
    built, x = network(layers=2), stream()
    running, sums = RunningSTAR(built), []
    for frame in x:
        running.push(frame)
        sums.append(running.sums.memories[0])
    seen: list[torch.Tensor] = []
    built.blocks[0].memory.register_forward_hook(lambda module, inputs, memory: seen.append(memory.detach()))
    with torch.no_grad():
        built(x, torch.tensor([0, FRAMES]))
    torch.testing.assert_close(sums[-1], seen[0], rtol=0, atol=1e-12)


def test_the_first_frame_of_a_stream_is_scored_as_a_clip_of_one() -> None:
    built, x = network(layers=3), stream()
    torch.testing.assert_close(RunningSTAR(built).push(x[0]), built(x[:1], torch.tensor([0, 1]))[0])


def test_running_sums_stay_of_one_size_and_are_no_clip() -> None:
    built, x = network(layers=3), stream()
    running = RunningSTAR(built)
    sizes, logits = set(), torch.empty(0)
    for frame in x:
        logits = running.push(frame)
        sizes.add(tuple(memory.numel() for memory in running.sums.memories))
    assert len(sizes) == 1
    assert (logits - built(x, torch.tensor([0, FRAMES]))[0]).abs().max() > 1e-6


def test_what_a_frame_was_seen_to_be_later_replaces_what_it_looked_like() -> None:
    built, x = network(layers=3), stream()
    corrected, known = RunningSTAR(built), RunningSTAR(built)
    corrected.push(x[0] + 1)
    for frame in range(1, FRAMES - 1):
        corrected.push(x[frame] + 1, before_VC=x[frame - 1])
    for frame in range(FRAMES):
        wanted = known.push(x[frame])
    torch.testing.assert_close(corrected.push(x[-1], before_VC=x[-2]), wanted)


def test_a_window_needs_a_frame() -> None:
    with pytest.raises(ValueError, match="at least 1 frame"):
        WindowedSTAR(network(layers=1), 0)
