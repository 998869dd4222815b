"""What is true whoever serves the model: pure functions and frozen values, no I/O, no clock."""
