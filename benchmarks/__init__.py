"""What modeldeck costs, beside something that does the same: `python -m benchmarks`.

Machines differ, so each figure is a ratio, or a rate, of things measured in turn in one run.
"""
