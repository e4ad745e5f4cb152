"""Which split would pay, and its rule."""
