"""What happened: one line for each epoch, in a file that any program can read."""

import json


class Log:
    """The rows of a run."""

    def __init__(self, path):
        self._path, self.rows = path, []

    def add(self, row):
        """Write what an epoch gave."""
        self.rows.append(row)
        self._path.write_text("".join(json.dumps(one) + "\n" for one in self.rows))

    def column(self, name):
        """One number of each epoch."""
        return [row[name] for row in self.rows]
