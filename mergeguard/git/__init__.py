"""The git layer: the only package that imports pygit2 or runs git."""
