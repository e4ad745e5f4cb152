"""Declarations that one side moved or copied, and the other side edited where they were."""
