"""What a release changes: the inventory of all releases, and what `diff` and `when` tell from it."""
