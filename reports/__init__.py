"""From run records, and from the inventory of all releases' names, to what people read. Needs no torch."""
