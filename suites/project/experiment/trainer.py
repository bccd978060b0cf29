"""Trains what a config describes: logs, monitors, stops early, saves and resumes."""

from pathlib import Path

import torch
from torch import nn
from torch.optim import lr_scheduler

from torchproof.suites.project.experiment import data, loss, metric, models, saved, utilities
from torchproof.suites.project.experiment.config import build, named
from torchproof.suites.project.experiment.log import Log
from torchproof.suites.project.experiment.monitor import Monitor


class Trainer:
    """One experiment, whose files are in a folder."""

    def __init__(self, config, folder):
        utilities.seed_all(config["seed"])
        self.config, self.folder, self.epoch = config, Path(folder), 0
        self.batches, self.valid_batches = data.loaders(
            build(config["train"], data), build(config["valid"], data), config["seed"], **config["loader"]
        )
        self.model = build(config["model"], models, nn).to(config["device"])
        self.loss = build(config["loss"], loss, nn)
        self.metrics = [named(name, metric) for name in config["metrics"]]
        self.optimizer = build(config["optimizer"], torch.optim, before=[self.model.parameters()])
        self.scheduler = build(config["scheduler"], lr_scheduler, before=[self.optimizer])
        self.monitor = Monitor(**config["monitor"])
        self.log = Log(self.folder / "log.jsonl")

    def run(self):
        """Train until all epochs are done, or none gets better any more."""
        while self.epoch < self.config["epochs"] and not self.monitor.is_tired:
            row = {"epoch": self.epoch, "lr": self.optimizer.param_groups[0]["lr"], **self.train(), **self.validate()}
            is_best = self.monitor.is_best(row)
            self.schedule(row)
            self.log.add(row)
            self.epoch += 1
            saved.save(self.state_dict(), self.folder / "last.pt")
            if is_best:
                saved.save(self.state_dict(), self.folder / "best.pt")
        return self

    def train(self):
        """One epoch over the data to learn from."""
        averages, every, model = metric.Averages(), self.config["accumulate"], self.model.train()
        for number, (x, y) in enumerate(self.batches, start=1):
            value = self.loss(model(x.to(self.config["device"])), y.to(self.config["device"]))
            (value / every).backward()
            if number % every == 0 or number == len(self.batches):
                self.optimizer.step()
                self.optimizer.zero_grad()
            averages.add(len(x), loss=value.item())
        return averages.means()

    @torch.no_grad()
    def validate(self):
        """The loss and the metrics on data that is not learned from."""
        averages, model = metric.Averages(), self.model.eval()
        for x, y in self.valid_batches:
            output, target = model(x.to(self.config["device"])), y.to(self.config["device"])
            measured = {each.__name__: each(output, target) for each in self.metrics}
            averages.add(len(x), val_loss=self.loss(output, target).item(), **measured)
        return averages.means()

    def schedule(self, row):
        """Give the next epoch its rate; one scheduler asks how it went."""
        if isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau):
            self.scheduler.step(row[self.monitor.name])
        else:
            self.scheduler.step()

    def state_dict(self):
        """All that a resumed run needs to be the one that never stopped."""
        parts = {name: getattr(self, name).state_dict() for name in PARTS}
        random = utilities.random_states(self.batches.generator)
        return {**parts, "random": random, "epoch": self.epoch, "rows": self.log.rows, "config": self.config}

    def resume(self, path):
        """Go on where a checkpoint was made."""
        state = saved.load(path)
        for name in PARTS:
            getattr(self, name).load_state_dict(state[name])
        utilities.set_random_states(state["random"], self.batches.generator)
        self.epoch, self.log.rows = state["epoch"], state["rows"]
        return self


PARTS = ("model", "optimizer", "scheduler", "monitor")
