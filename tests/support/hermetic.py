"""A git that depends on nothing of the machine: no user or system configuration, fixed identity and dates."""

from __future__ import annotations

import os
from collections.abc import Mapping

FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_AUTHOR_NAME": "Fork Author",
    "GIT_AUTHOR_EMAIL": "author@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+00:00",
    "GIT_COMMITTER_NAME": "Fork Committer",
    "GIT_COMMITTER_EMAIL": "committer@example.org",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+00:00",
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "TZ": "UTC",
}

#: What kind of repositories the tests make is for whoever runs them to say: SHA-256, reftable.
_KINDS = ("GIT_DEFAULT_HASH", "GIT_DEFAULT_REF_FORMAT")


def git_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment (default: this process's) with the fixed GIT_* variables in place of the inherited."""
    source = os.environ if inherited is None else inherited
    kept = {name: value for name, value in source.items() if not name.startswith("GIT_") or name in _KINDS}
    return kept | FIXED
