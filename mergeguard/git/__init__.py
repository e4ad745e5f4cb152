"""The git layer: the only package that runs git or writes its objects."""
