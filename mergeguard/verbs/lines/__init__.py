"""Lines of a layout in the monolith and in history: `where` and `blame`."""
