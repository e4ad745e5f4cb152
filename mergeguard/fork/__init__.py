"""The state of a fork read from one tree, and the lens on trees."""
