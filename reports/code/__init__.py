"""What somebody's code uses of torch, found by reading it: nothing is run or imported.

`uses` has the files of a project walked (`walk`), statement by statement (`statements`) and through their expressions
(`expressions`), in a `state`: what names stand for there, and in which releases the walk gets there at all. `project`
knows the files and what names stand for in them, `meanings` what expressions do, and `guards` in which releases a
condition holds: `evaluate` works that out, `calls` does for calls, and `versions` has what is particular to versions.
What turns out to be torch's is seen (`sightings`) and kept (`notes`) as a use, and judged by the `catalog`, which asks
the inventory about all releases at once. `values` and `syntax` are what all of them speak of, and `declared` reads
what a project's metadata asks of torch.
"""
