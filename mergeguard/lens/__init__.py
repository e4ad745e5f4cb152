"""Monolith to layout and back."""
