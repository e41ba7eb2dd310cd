"""Means and variances of batch normalisation for evaluation, over all training clips at once.

A channel that keeps next to no weight hardly varies; normalisation magnifies it some hundred times, and with it how far
the running mean lags behind (README.md).
"""

from torch.optim.swa_utils import update_bn

from skeleton_lab.training.module import ClassificationModule


def renew_statistics(module: ClassificationModule) -> None:
    """Take those of the clips that the module's trainer trains with, as training sees them. Each process goes through
    its own part; the means over them count."""
    trainer = module.trainer
    batches = trainer.train_dataloader
    assert batches is not None
    # In the precision of training and evaluation, which hooks are not called in.
    with trainer.precision_plugin.forward_context():
        update_bn((module.transfer_batch_to_device(batch, module.device, 0) for batch in batches), module)
    if module.is_shared:
        for name, buffer in module.network.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(trainer.strategy.reduce(buffer.clone(), reduce_op="mean"))
