"""Means and variances of batch normalisation for evaluation, over all training clips at once.

A channel that keeps next to no weight hardly varies; normalisation magnifies it some hundred times, and with it how far
the running mean lags behind (README.md).
"""

from torch.optim.swa_utils import update_bn

from skeleton_lab.backbones.module import BackboneModule


class RenewingModule(BackboneModule):
    """A network with weights left out, and the statistics of its training clips when it is evaluated."""

    def on_train_epoch_end(self) -> None:
        """Before the epoch's checkpoint is written."""
        training = self.settings.training
        if training.selection == "last" and self.current_epoch + 1 == training.epochs:
            self.renew_statistics()

    def on_validation_epoch_start(self) -> None:
        self.renew_statistics()  # this epoch may be the one that is selected

    def renew_statistics(self) -> None:
        """Take those of the clips that are trained with, as training sees them, where the settings say so. Each process
        goes through its own part of the clips; the means over the processes count."""
        model = self.settings.model
        if not model.sparsity or model.norm_statistics == "running":
            return
        batches = self.trainer.train_dataloader
        assert batches is not None
        # In the precision of training and evaluation, which hooks are not called in.
        with self.trainer.precision_plugin.forward_context():
            update_bn((self.transfer_batch_to_device(batch, self.device, 0) for batch in batches), self)
        if self.is_shared:
            for name, buffer in self.network.named_buffers():
                if name.endswith(("running_mean", "running_var")):
                    buffer.copy_(self.trainer.strategy.reduce(buffer.clone(), reduce_op="mean"))
