"""One adapter per outside system, grouped by role; each role has one small protocol."""
