"""The parts of one of our trainers as Lightning takes them. Lightning is needed to import this."""

import lightning


class Wrapped(lightning.LightningModule):
    """What our trainer does with a batch, for the loop of another."""

    def __init__(self, run, **scheduled):
        super().__init__()
        self.run, self.model, self.scheduled = run, run.model, scheduled
        self.rates, self.trained, self.validated = [], [], []

    def training_step(self, batch, index):
        x, y = batch
        self.rates.append(self.run.optimizer.param_groups[0]["lr"])
        self.trained.append(x.flatten().tolist())
        value = self.run.loss(self.model(x), y)
        self.log("loss", value, on_step=False, on_epoch=True)
        return value

    def validation_step(self, batch, index):
        x, y = batch
        output = self.model(x)
        self.validated.append((self.training, output.requires_grad))
        self.log("val_loss", self.run.loss(output, y))

    def configure_optimizers(self):
        return {"optimizer": self.run.optimizer, "lr_scheduler": {"scheduler": self.run.scheduler, **self.scheduled}}
