"""Pages of the documentation that are made from the code: a hook of mkdocs."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from mergeguard.cli.documents.describe import describe
from mergeguard.cli.documents.manual import reference
from mergeguard.cli.documents.reference import findings_page, json_page, rule_page


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference."""
    pages = {
        "cli": reference(describe()),
        "rule": rule_page(),
        "json": json_page(),
        "findings": findings_page(),
    }
    for name, content in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files
