"""Watches every Python that a git command starts; see ``tests.support.faulting``."""

from tests.support.faulting import install

install()
