"""Merges that people made, made again: ``python -m benchmarks.merge history`` (see ../README.md)."""
