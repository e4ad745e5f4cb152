"""How long a sync takes, against plain git."""
