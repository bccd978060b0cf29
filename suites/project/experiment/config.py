"""An experiment as data: which classes it is made of, with which arguments, and how to change one of them."""

import copy
import inspect
import json
from pathlib import Path

DEFAULT = {
    "seed": 0,
    "device": "cpu",
    "epochs": 1,
    "accumulate": 1,
    "train": {"type": "Line", "args": {"at": [1.0, -1.0, 1.0, -1.0], "slope": 2.0}},
    "valid": {"type": "Line", "args": {"at": [1.0, -1.0], "slope": 2.0}},
    "loader": {"batch_size": 4, "shuffle": True},
    "model": {"type": "Factor", "args": {}},
    "loss": {"type": "MSELoss", "args": {}},
    "metrics": ["mean_error"],
    "optimizer": {"type": "SGD", "args": {"lr": 0.25}},
    "scheduler": {"type": "StepLR", "args": {"step_size": 100}},
    "monitor": {"name": "val_loss", "mode": "min", "patience": 100},
}


class ConfigError(ValueError):
    """What a config says cannot be done, and what could be."""


def configured(*changes, file=None):
    """The default config with a file's over it, and over both changes as of a command line: `optimizer.args.lr=0.5`."""
    config = merged(DEFAULT, json.loads(Path(file).read_text()) if file else {})
    for change in changes:
        config = merged(config, _nested(change))
    for name in config.keys() - DEFAULT.keys():
        raise ConfigError(f"a config has no {name}: {', '.join(DEFAULT)}")
    return config


def merged(config, change):
    """A config with a change merged in: what the change does not name stays, but for arguments of another class."""
    result = copy.deepcopy(config)
    if change.get("type", result.get("type")) != result.get("type"):
        result["args"] = {}
    for key, value in change.items():
        is_nested = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if is_nested else value
    return result


def _nested(change):
    """`a.b=1` as `{"a": {"b": 1}}`; a value that is no JSON is text."""
    key, is_said, value = change.partition("=")
    if not is_said:
        raise ConfigError(f"{change} says no value: {change}=…")
    try:
        nested = json.loads(value)
    except json.JSONDecodeError:
        nested = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return nested


def build(part, *modules, before=()):
    """What a part of a config describes: an object of a class that one of the modules has, made of its arguments."""
    return named(part["type"], *modules)(*before, **part["args"])


def named(name, *modules):
    """What the first of the modules has under a name that a config says; refused with the names that there are."""
    for module in modules:
        if hasattr(module, name):
            return getattr(module, name)
    there = sorted({one for module in modules for one in vars(module) if _is_to_be_named(getattr(module, one))})
    raise ConfigError(f"there is no {name} in {modules[-1].__name__}: {', '.join(there)}")


def _is_to_be_named(value):
    return inspect.isclass(value) or inspect.isfunction(value)
