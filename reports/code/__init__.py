"""What somebody's code uses of torch, found by reading it: nothing is run or imported.

`uses` has the modules of a `project` walked, statement by statement (`statements`) and through their expressions
(`expressions`), in a `state`: what names stand for there, and in which releases the walk gets there at all. What turns
out to be torch's is seen (`sightings`) and kept (`notes`) as a use, and judged by the `catalog`, which asks the
inventory about all releases at once. On the way, `guards` tell in which releases a condition holds: each is evaluated
(`evaluate`) by what expressions stand for (`meanings`), what a release says to questions about torch (`versions`), and
what Python makes of such `answers`. `values` and `syntax` are what all of them speak of. `cpp` reads extensions and
`declared` what a project's metadata asks of torch, and `floor` compares.
"""
