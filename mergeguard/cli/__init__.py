"""The terminal edge: the only place that knows typer and rich."""
