"""The wheel's man pages and completions, made from the command line itself when a wheel is built."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """Adds ``share/man/man1`` and completions to a wheel; an editable install has none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files to a folder of their own and name them to hatch."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from mergeguard.cli.documents.completion import installed
        from mergeguard.cli.documents.describe import describe
        from mergeguard.cli.documents.manual import write_pages

        folder = Path(tempfile.mkdtemp(prefix="mergeguard-wheel-"))
        shared = {page: f"share/man/man1/{page.name}" for page in write_pages(folder)}
        for number, (place, text) in enumerate(installed(describe()).items()):
            made = folder / f"completion.{number}"
            made.write_text(text, encoding="utf-8")
            shared[made] = f"share/{place}"
        build_data["shared_data"] |= {str(made): place for made, place in shared.items()}
