"""What `--json` prints is what the published schema says: kinds, types, the pages made of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

from mergeguard.cli.documents import outputs, reference
from mergeguard.findings import CODES
from tests.support.story import INT4, Story, git

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "output.schema.json"
#: These have schemas of their own.
APART = {"report", "verify", "cost", "budget"}


def test_the_published_schema_is_the_types():
    assert json.loads(PUBLISHED.read_text()) == outputs.schema(), (
        "run: python -m mergeguard.cli.documents.outputs > docs/output.schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(outputs.schema())


def test_every_kind_that_is_printed_has_a_type():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "mergeguard" / "cli").rglob("*.py")]
    kinds = {kind for text in sources for kind in re.findall(r'(?:print_json|json_text)\(\s*"(\w+)"', text)}
    assert kinds | {"install", "uninstall"} == outputs.DOCUMENTS.keys() | APART - {"report"}


def test_the_pages_have_every_kind_and_code():
    text = reference.json_page()
    assert all(f"## {kind}\n" in text for kind in outputs.DOCUMENTS)
    assert all(f"| `{code}` |" in reference.findings_page() for code in CODES)
    assert "| `monolith` |" in reference.rule_page() and "## Partition" in reference.rule_page()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A split file with an edit, an edit of glue and text without a place; upstream has gone on."""
    made = Story.begin(tmp_path_factory.mktemp("outputs"), "skinny_gemms_int4")
    made.edit(f"{INT4}/kernel.cuh", "  return __half2float(v);", "  return __half2float(v);  // ours")
    shard = sorted((made.fork / INT4).glob("instantiate*.cu"))[0]
    shard.write_text(shard.read_text() + "\nstatic int twice(int n) { return 2 * n; }\n")
    made.commits("ours")
    made.edit(
        f"{INT4}.cu", "  return __half2float(v);", "  return __half2float(v);  // theirs", upstream=True
    )
    made.upstream_commits("theirs")
    made.fetch()
    return made


LINES = (
    "rules list",
    "rules explain skinny_gemms_int4",
    "status",
    f"where {INT4}/kernel.cuh:20",
    "unmapped list",
    "unsplit",
    "check",
    "trust",
    "ledger",
    "plan upstream/main",
    "split --dry-run",
    "sync --dry-run upstream/main",
    "sync --dry-run --rebase upstream/main",
    "export --upstream upstream/main~1 -o ../patches",
    "install",
    "uninstall",
    "preview upstream/main --format",
)


@pytest.mark.parametrize("line", LINES)
def test_a_document_fits_the_published_schema(story: Story, line: str):
    ran = story.run(*line.split(), "json" if line.endswith("--format") else "--json")
    assert ran.code in (0, 1), ran.err
    jsonschema.validate(json.loads(ran.out), json.loads(PUBLISHED.read_text()))
    more = json.loads(ran.out) | {"more": 1}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(more, outputs.DOCUMENTS[more["kind"]])


def test_a_sync_that_lands_fits_it_to_its_end(story: Story):
    schema = json.loads(PUBLISHED.read_text())
    stopped = story.run("sync", "upstream/main", "--json")
    git(story.fork, "checkout", "-q", "--ours", f"{INT4}/kernel.cuh")
    git(story.fork, "add", "-A")
    for ran in (stopped, story.run("sync", "--continue", "--json"), story.run("audit", "--json")):
        jsonschema.validate(json.loads(ran.out), schema)
