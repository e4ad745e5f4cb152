"""Pages of the documentation that are made from the code: a hook of mkdocs."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from mergeguard.cli.documents.describe import describe
from mergeguard.cli.documents.manual import reference


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the command line's reference."""
    files.append(File.generated(config, "reference/cli.md", content=reference(describe())))
    return files
