"""Merges judged by what the merged programs do."""
