"""Reads a split made by hand as upstream's file."""
