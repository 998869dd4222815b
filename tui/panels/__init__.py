"""Pure functions from data to rows: they know the size and the time, and never a backend."""
