"""Pages of the reference that are made from the program, in Markdown: JSON, findings, keys of a rule.

The site's build (``docs/reference_pages.py``) puts them beside the written pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mergeguard import findings
from mergeguard.cli.documents import outputs
from mergeguard.findings import Meaning
from mergeguard.verbs import rulebook

_JSON = """# JSON

What `--json` prints, made from the program; the same is in `output.schema.json` (JSON Schema 2020-12),
and a test holds every document that the tests see against it. `report`, `verify`, `cost` and `budget`
have schemas of their own: `report.schema.json`, `verify.schema.json`, `cost.schema.json`,
`budget.schema.json`. Every document has `"mergeguard": 1`, the version of the format (fields may be
added to it, none change their meaning), and `kind`.
"""
_FINDINGS = """# Findings

Every code that a finding can have, made from the program: in `--json`, in SARIF, and on the screen. An
error or a warning makes the exit status 1, a note does not.
"""
_TITLES: tuple[tuple[str, str, Mapping[str, Meaning]], ...] = (
    ("Of a merge", "`audit`, `sync`, the hooks", findings.MERGE_CODES),
    ("Of a layout", "`check`", findings.LAYOUT_CODES),
    ("Of the program, by tokens", "`verify`, `check`", findings.PROGRAM_CODES),
    ("Of the objects", "`verify --compile`", findings.SYMBOL_CODES),
)
_RULE = """# The keys of a rule

Made from the program; the same is in `rule.schema.json`, which `mergeguard rules schema` prints. How
they work together is on the page [Rules](../rules.md).
"""


def json_page() -> str:
    """Each document with its fields, then the parts that documents share."""
    out = [_JSON]
    parts = outputs.schema()["$defs"]
    documents = {document.__name__: kind for kind, document in outputs.DOCUMENTS.items()}
    for name, kind in documents.items():
        out += [f"## {kind}", "", f"Of {_described(parts[name])}.", "", *_fields(parts[name]), ""]
    out += ["## Parts", ""]
    for name in (name for name in parts if name not in documents):
        out += [
            f"### {name.removesuffix('Part')}",
            "",
            _described(parts[name]),
            "",
            *_fields(parts[name]),
            "",
        ]
    return "\n".join(out)


def findings_page() -> str:
    """Each code with what it means and what to do."""
    out = [_FINDINGS]
    for title, told_by, codes in _TITLES:
        out += [
            f"## {title}",
            "",
            f"Told by {told_by}.",
            "",
            "| code | what | counts as | what to do |",
            "|---|---|---|---|",
        ]
        out += [
            f"| `{code}` | {meaning.short} | {meaning.severity} | {meaning.advice} |"
            for code, meaning in codes.items()
        ]
        out.append("")
    return "\n".join(out)


def rule_page() -> str:
    """Each table of a rule with its keys."""
    schema = rulebook.schema()
    root = schema["$ref"].rpartition("/")[2] if "$ref" in schema else None
    parts = dict(schema.get("$defs", {}))
    out = [_RULE]
    top = parts.pop(root) if root else schema
    out += ["## Rule", "", _described(top), "", *_fields(top), ""]
    for name, part in parts.items():
        if part.get("properties"):
            out += [f"## {name}", "", _described(part), "", *_fields(part), ""]
    return "\n".join(out)


def _described(part: dict[str, Any]) -> str:
    return " ".join(part.get("description", "").split())


def _fields(part: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | |"
    yield "|---|---|---|"
    for name, value in part.get("properties", {}).items():
        if name != "kind" and value != {"enum": [1]}:
            yield f"| `{name}` | {_type(value)} | {_described(value)} |"


def _type(value: dict[str, Any]) -> str:
    """A JSON Schema type in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2].removesuffix("Part")
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_type(one) for one in value["anyOf"]))
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    if value.get("type") == "array":
        pair = value.get("prefixItems")
        return "list of " + (", ".join(map(_type, pair)) if pair else _type(value["items"]))
    if value.get("type") == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"object of {_type(value['additionalProperties'])}"
    return str(value.get("type", "any"))
