"""Upstream's own commits, each replayed onto forks that have split the file: git, following, derived."""
