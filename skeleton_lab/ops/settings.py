"""What the operators of this process do where there are several ways to the same result."""

from skeleton_lab.ops.checkpointing import set_checkpoint
from skeleton_lab.ops.piecewise import set_recompute
from skeleton_lab.ops.segments import set_backend
from skeleton_lab.settings import OpsSettings


def use(settings: OpsSettings) -> None:
    """From now on."""
    set_backend(settings.backend)
    set_recompute(settings.recompute)
    set_checkpoint(settings.checkpoint)
