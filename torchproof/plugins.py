"""The plugins that make pytest prove facts, in the order in which they are needed: `pytest -p torchproof.plugins`."""

pytest_plugins = [
    "torchproof.fixtures.plugins.requirements",
    "torchproof.fixtures.plugins.garbage",
    "torchproof.fixtures.plugins.collection",
    "torchproof.fixtures.plugins.selection",
    "torchproof.fixtures.plugins.limits",
    "torchproof.fixtures.plugins.body",
    "torchproof.fixtures.plugins.telling",
    "torchproof.fixtures.plugins.verdicts",
    "torchproof.fixtures.plugins.devices",
    "torchproof.fixtures.plugins.isolation",
    "torchproof.fixtures.plugins.properties",
    "torchproof.fixtures.plugins.recorder",
    "torchproof.fixtures.plugins.repeat",
    "torchproof.fixtures.plugins.exits",
    "torchproof.fixtures.plugins.listing",
    "torchproof.fixtures.plugins.progress",
    "torchproof.fixtures.ranks",
    "torchproof.fixtures.plugins.changed",
    "torchproof.fixtures.faults.refute",
    "torchproof.fixtures.timing.collection",
]
