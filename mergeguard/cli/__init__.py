"""The terminal edge; ``terminal`` alone knows typer and rich."""
