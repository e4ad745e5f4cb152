"""What needs a compiler: `verify`, `cost`, and how the units of a rule are compiled."""
