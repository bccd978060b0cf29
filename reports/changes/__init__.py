"""What changed between two releases: in their `names`, in `behaviours` as facts tell, and what code it `touched`."""
