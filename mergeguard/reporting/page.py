"""HTML pages from the templates beside: self-contained, no scripts, light and dark by CSS.

What a template is given is shown and does nothing: Jinja escapes markup, ``plain`` what could act otherwise.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mergeguard.errors import counted as count
from mergeguard.reporting.inert import plain


def page(template: str, **values: Any) -> str:
    """The document that ``templates/TEMPLATE`` makes of the values."""
    return environment().get_template(template).render(values)


@cache
def environment() -> Environment:
    """Jinja as every page uses it."""
    environment = Environment(
        loader=PackageLoader("mergeguard.reporting"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = count
    return environment


def _shown(value: object) -> object:
    """A value as it may stand in a page; what a template itself made stays."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
