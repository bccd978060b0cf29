pytest_plugins = [
    "fixtures.requirements",
    "fixtures.fact",
    "fixtures.limits",
    "fixtures.verdicts",
    "fixtures.devices",
    "fixtures.isolation",
    "fixtures.strategies",
    "fixtures.recorder",
    "fixtures.listing",
    "fixtures.progress",
    "fixtures.ranks",
    "pytester",
]
