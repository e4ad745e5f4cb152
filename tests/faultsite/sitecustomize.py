"""Watches every Python that a git command starts; see ``tests.faulting``."""

from tests.faulting import install

install()
