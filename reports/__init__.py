"""From run records, and from what each release of torch has, to what people read."""


class Refusal(Exception):
    """What a user can mend, in one sentence: a command ends with it and exit code 2."""
