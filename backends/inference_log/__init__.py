"""Readers of inference logs."""
