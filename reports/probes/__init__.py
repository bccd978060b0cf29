"""Questions to the torch of this interpreter, asked in child processes: this process never imports it."""
