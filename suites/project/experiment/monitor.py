"""Which epoch is the best, and when to stop waiting for a better one."""

import math

from torchproof.suites.project.experiment.config import ConfigError

SIGNS = {"min": 1, "max": -1}


class Monitor:
    """Follows one number of the log, which is the better the less it is, or with mode="max" the more."""

    def __init__(self, name, mode, patience):
        if mode not in SIGNS:
            raise ConfigError(f"there is no mode {mode}: {', '.join(SIGNS)}")
        self.name, self._sign, self._patience = name, SIGNS[mode], patience
        self._least, self._waited = math.inf, 0

    def is_best(self, row):
        """Take in an epoch, and tell whether it is the best so far."""
        if self.name not in row:
            raise ConfigError(f"there is no {self.name} to monitor: {', '.join(row)}")
        is_better = self._sign * row[self.name] < self._least
        self._least, self._waited = (self._sign * row[self.name], 0) if is_better else (self._least, self._waited + 1)
        return is_better

    @property
    def is_tired(self):
        """Whether it has waited for a better epoch in vain."""
        return self._waited >= self._patience

    def state_dict(self):
        """What a resumed run needs to know."""
        return {"least": self._least, "waited": self._waited}

    def load_state_dict(self, state):
        """Go on from there."""
        self._least, self._waited = state["least"], state["waited"]
