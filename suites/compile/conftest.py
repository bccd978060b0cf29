"""What spares time in the facts of compiled code."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _not_timing_guards(monkeypatch):
    """Each compilation flushes the processor's caches to time its guards once, for a log: 40 ms that nobody reads."""
    guards = sys.modules.get("torch._dynamo.guards")
    if hasattr(guards, "profile_guard_manager"):
        monkeypatch.setattr(guards, "profile_guard_manager", lambda *_: 0.0)
