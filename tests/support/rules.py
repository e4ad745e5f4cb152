"""The shipped rules with the full interface, for tests of what does not depend on it.

Those that ask for thin shards are tested by themselves (``tests/lens/test_thin.py``, the golden files of
emission 2, the laws, and the stories that add a shipped rule as users do).
"""

from __future__ import annotations

from functools import cache

from mergeguard.data import shipped_rules


@cache
def full_rules() -> dict[str, bytes]:
    """As ``shipped_rules``: the rules by path."""
    return {
        path: text.replace(b'interface = "thin"', b'interface = "full"')
        for path, text in shipped_rules().items()
    }
