"""Which file of a layout each piece of a monolith goes to."""
