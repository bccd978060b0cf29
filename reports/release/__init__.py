"""What one release has, told by itself: `ask` runs with its torch, nothing of which is imported anywhere else."""
