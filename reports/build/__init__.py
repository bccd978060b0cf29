"""Whether the build that is here is sound: questions to its torch, asked in child processes that import it."""
