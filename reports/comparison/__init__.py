"""Two builds of torch compared: what is measured, how it is judged, and how it is shown."""
