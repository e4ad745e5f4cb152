"""How well mergeguard merges, against git and others, on cases whose right answer is known (README.md)."""
