"""STAR on a live stream of one person's frames: what the mathematics allows, and what it does not.

STAR cannot score a stream exactly at a constant cost for each new frame. In its first layer the attention over time
could: U and z are sums, to which a frame adds its own part. But every earlier frame also attends to the new one, so
what the first layer gives for *all* frames changes with each new frame, and with it every sum of the layers above.
Positions add to this: they count from a clip's first frame. So there are two ways, and each says what it gives:

- `WindowedSTAR` is exact: after each frame it gives what STAR gives for the clip of the last `window` frames. The work
  for a frame is that of a whole window, the same for every frame, however long the stream.
- `RunningSTAR` does a constant amount of work for a frame, whatever came before: each layer's sums keep what frames
  were when they came. A frame sees all earlier ones and no earlier one sees it. The first layer's sums are those of the
  whole clip; what deeper layers give is not what STAR gives for the clip, and the logits differ. How much that costs
  networks that were trained on whole clips is measured in this folder's README.

How a joint moves in a frame is known when the next frame has come. As in the last frame of a clip it is 0 until then.

Axes: T frames, V joints, C channels, H heads, D channels of a head, E = D + 1, K classes.
"""

from collections import deque
from typing import NamedTuple

import torch
from torch import Tensor

from skeleton_lab.ops.context_attention import context_of, weights_of
from skeleton_lab.ops.positions import positional_encoding
from skeleton_lab.papers.star.network import STAR, Block


class WindowedSTAR:
    """The logits of the last `window` frames, exactly. Raises ValueError for a window below 1."""

    def __init__(self, network: STAR, window: int) -> None:
        if window < 1:
            raise ValueError(f"a window has at least 1 frame, not {window}")
        self.network = network.eval()
        self.frames: deque[Tensor] = deque(maxlen=window)

    @torch.inference_mode()
    def push(self, x_VC: Tensor, before_VC: Tensor | None = None) -> Tensor:
        """One more frame, (V, C_in) as the network takes it → logits (K,). before: the one before it, where that looks
        different now: how it moves is known by the next one alone."""
        if before_VC is not None and self.frames:
            self.frames[-1] = before_VC
        self.frames.append(x_VC)
        x_TVC = torch.stack(tuple(self.frames))
        return self.network(x_TVC, torch.tensor([0, len(x_TVC)], device=x_TVC.device))[0]


class RunningSTAR:
    """Logits after every frame at a constant cost, from sums that only grow; not STAR's own (see above)."""

    def __init__(self, network: STAR) -> None:
        self.network = network.eval()
        # With the newest frame, and without it: the next one may say how it moved.
        self.sums = self.settled = _Sums(0, (0.0,) * len(network.blocks), torch.zeros(()), torch.zeros(()))

    @torch.inference_mode()
    def push(self, x_VC: Tensor, before_VC: Tensor | None = None) -> Tensor:
        """As of WindowedSTAR."""
        if before_VC is not None and self.sums.frames:
            self.settled = self._after(self.settled, before_VC)
        else:
            self.settled = self.sums
        self.sums = self._after(self.settled, x_VC)
        divisor = self.sums.frames if self.network.settings.pooling == "mean" else 1
        return self.network.head(self.sums.weighted_1VC / divisor)[0]

    def _after(self, sums: "_Sums", x_VC: Tensor) -> "_Sums":
        network, settings = self.network, self.network.settings
        x_1VC = network.embedding(network.norm(x_VC.reshape(1, -1)).view(1, *x_VC.shape))
        position_1 = torch.tensor([sums.frames], device=x_VC.device)
        x_1VC = x_1VC + positional_encoding(position_1, x_1VC.shape[-1], settings.positions).unsqueeze(1)
        memories = []
        for block, memory in zip(network.blocks, sums.memories, strict=True):
            assert isinstance(block, Block)
            memories.append(block.memory(x_1VC, [1]) + memory)
            x_1VC = block.encode(x_1VC, memories[-1], [1])
        frames, features_1VC = sums.frames + 1, sums.features_1VC + x_1VC
        context_1VC = context_of(features_1VC / frames, network.context)
        weighted_1VC = sums.weighted_1VC + weights_of(x_1VC, context_1VC, settings.context_weights) * x_1VC
        return _Sums(frames, tuple(memories), features_1VC, weighted_1VC)


class _Sums(NamedTuple):
    """Over the frames so far: each layer's U and z, the last layer's features, and these weighted by their context."""

    frames: int
    memories: tuple[Tensor | float, ...]
    features_1VC: Tensor
    weighted_1VC: Tensor
