"""STAR on a live stream of one person's frames: what the mathematics allows, and what it does not.

STAR cannot score a stream exactly at a constant cost for each new frame. In its first layer the attention over time
could: U and z are sums, to which a frame adds its own part. But every earlier frame also attends to the new one, so
what the first layer gives for *all* frames changes with each new frame, and with it every sum of the layers above.
Positions add to this: they count from a clip's first frame. So there are two ways, and each says what it gives:

- `WindowedSTAR` is exact: after each frame it gives what STAR gives for the clip of the last `window` frames. The work
  for a frame is that of a whole window, the same for every frame, however long the stream.
- `RunningSTAR` does a constant amount of work for a frame, whatever came before: each layer's sums keep what frames
  were when they came. A frame sees all earlier ones and no earlier one sees it. The first layer's sums are those of the
  whole clip; what deeper layers give is not what STAR gives for the clip, and the logits differ. It is meant for
  networks and streams for which this has been measured to be good enough. `skeleton-lab predict` has the other one.

How a joint moves in a frame is known when the next frame has come. As in the last frame of a clip it is 0 until then.

Axes: T frames, V joints, C channels, H heads, D channels of a head, E = D + 1, K classes.
"""

from collections import deque

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
        self.seen = 0
        # Of each layer its U and z; of the last one's frames their sum, and their sum weighted by the context.
        self.memories: list[Tensor | float] = [0.0] * len(network.blocks)
        self.sum_1VC = self.weighted_1VC = torch.zeros(())

    @torch.inference_mode()
    def push(self, x_VC: Tensor) -> Tensor:
        """One more frame, (V, C_in) as the network takes it → logits (K,)."""
        network, settings = self.network, self.network.settings
        x_1VC = network.embedding(network.norm(x_VC.reshape(1, -1)).view(1, *x_VC.shape))
        position_1 = torch.tensor([self.seen], device=x_VC.device)
        x_1VC = x_1VC + positional_encoding(position_1, x_1VC.shape[-1], settings.positions).unsqueeze(1)
        for layer, block in enumerate(network.blocks):
            assert isinstance(block, Block)
            memory = self.memories[layer] = block.memory(x_1VC, [1]) + self.memories[layer]
            x_1VC = block.encode(x_1VC, memory, [1])
        self.seen += 1
        self.sum_1VC = x_1VC + self.sum_1VC
        context_1VC = context_of(self.sum_1VC / self.seen, network.context)
        self.weighted_1VC = weights_of(x_1VC, context_1VC, settings.context_weights) * x_1VC + self.weighted_1VC
        divisor = self.seen if settings.pooling == "mean" else 1
        return network.head(self.weighted_1VC / divisor)[0]
