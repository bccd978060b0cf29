"""What things cost: benchmarks of two builds of torch measured and judged side by side, and saved ones shown."""
