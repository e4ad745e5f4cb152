"""The report's formats: well formed, self-contained, and not to be talked into anything by what they show."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard import findings
from mergeguard.audit.findings import Commit, Located
from mergeguard.cli import looking, render
from mergeguard.fork.localedits import LocalEdit
from mergeguard.fork.report import (
    Arrival,
    CandidatePlace,
    Case,
    FileView,
    ForkReport,
    LastSync,
    RuleLedger,
    SyncedRule,
    Unresolved,
)
from mergeguard.lens.hunks import Hunk, Reason
from mergeguard.reporting import html, jsonreport, markdown
from mergeguard.reporting.sarif import sarif
from mergeguard.treemerge.trees import Fate, RuleOutcome
from mergeguard.verbs.status import RuleStatus
from mergeguard.verbs.sync import Synced, SyncOutcome

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "report.schema.json").read_bytes())
NASTY = "</style><script>alert(1)</script> `x` ```` | [a](b) <img src=x> \x1b[31m \udcff é \"'&\n# head"
VOID = {"meta", "col", "br", "hr"}


def ledger(text=NASTY, **changes):
    """A ledger with something of everything, ``text`` wherever a repository can put text."""
    raw = text.encode("utf-8", "surrogateescape")
    hunk = Hunk(text, 4, 3, raw + b"\nold\n", b"```\n\xff\n" + raw, Reason.ELSEWHERE, 5, text)
    glue = Hunk("a.cu", 1, 1, b"a\n", b"b\n", Reason.GLUE, None)
    case = Case("0123abcd", "r", hunk, text, 12, (CandidatePlace(text, 7, text, "after", 0.314),), patch=raw)
    kept = Case("00000000", "r", hunk, kept=text)
    arrival = Arrival(text, "function", "changed", 3, 4)
    rule = RuleLedger(
        "r",
        text,
        "split",
        "a" * 40,
        (arrival,) * 20,
        (arrival,),
        (LocalEdit(text, 5, text, 1, 2),),
        (glue,),
        (case, kept),
        (text,),
        None,
        (
            FileView(text, b"a\nb\nc\n", b"a\nB\nc\n" + raw, b"0\na\nb\n"),
            FileView("gone", b"a\n", None, None),
        ),
    )
    broken = RuleLedger("broken", None, "broken", "b" * 40, problem=text)
    unsplit = RuleLedger("unsplit", None, "no monolith")
    synced = (SyncedRule("r", text, "conflict", (text,), (text,), (text,)),)
    places = (findings.Place("merged", text, 3), findings.Place("base", "b.cu", 1))
    finding = findings.Finding("gone-name", text, text, "ours", places, text)
    commits = (Commit("theirs", "5" * 40, text),)
    found = (Located(finding, commits, ((text, 9), None)),)
    sync = LastSync(text, "1" * 40, "2" * 40, "3" * 40, 2, "landed", (text,), (text,), synced, found)
    values = {
        "upstream": text,
        "last_sync": sync,
        "rules": (rule, broken, unsplit),
        "conflicts": (Unresolved(text, (3, 9)), Unresolved("bare")),
    }
    return ForkReport("4" * 40, text, **{**values, **changes}, notes=(text,))


EMPTY = ForkReport("4" * 40, "fork", None, None, ())


class Page(HTMLParser):
    """Collects a page's tags, and checks that they nest."""

    def __init__(self, text):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple] = []
        self.shown: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.shown.append(data)


@pytest.mark.parametrize("value", [ledger(), EMPTY], ids=["full", "empty"])
def test_json_is_as_its_schema_says(value):
    data = {"mergeguard": 1, "kind": "report", **jsonreport.ledger_data(value)}
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(data)))


def test_every_command_says_a_hunk_and_an_edit_alike():
    """`status`, `sync`, `split`, `export` and the report: one set of keys, the published schema's."""
    hunk = Hunk("a.cu", 4, 3, b"old\n", b"new\n", Reason.ELSEWHERE, 5, "detail")
    edit = LocalEdit("a.cu", 5, "f", 1, 2)
    row = RuleStatus("r", "a.cu", "split", "a" * 40, (1, 0), (edit,), (hunk,), (hunk,))
    synced = RuleOutcome("r", "a.cu", Fate.MERGED, (edit,), (hunk,), (hunk,))
    merge = Synced(SyncOutcome("1" * 40, (synced,), {}), "upstream/main", None, 1)
    for rule in (*looking.status_json([row], None)["rules"], *render.sync_json(merge)["rules"]):
        for found in (*rule["overlay"], *rule["unmapped"]):
            jsonschema.Draft202012Validator(SCHEMA["$defs"]["hunk"]).validate(found)
        for found in rule.get("edits", rule.get("replayed")):
            edits = SCHEMA["$defs"]["rule"]["properties"]["edits"]["items"]
            jsonschema.Draft202012Validator(edits).validate(found)


def test_the_schema_refuses_what_is_not_a_report():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    data = {"mergeguard": 1, "kind": "report", **jsonreport.ledger_data(ledger())}
    data["rules"][0]["unmapped"][0]["id"] = "nope"
    with pytest.raises(jsonschema.ValidationError, match="nope"):
        jsonschema.Draft202012Validator(SCHEMA).validate(data)


@pytest.mark.parametrize("value", [ledger(), EMPTY], ids=["full", "empty"])
def test_the_page_is_self_contained(value):
    page = Page(html.render(value, "1.0"))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for _, attributes in page.tags:
        assert not {"src", "onclick", "onload", "style", "srcset"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
    style = html.render(value, "1.0").split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


def test_the_page_shows_what_there_is():
    page = Page(html.render(ledger("plain"), "1.0"))
    shown = "".join(page.shown)
    anchors = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["href"][1:] for _, a in page.tags if "href" in a} <= anchors
    assert {"hunk-0123abcd", "rule-r", "rule-broken", "unmapped"} <= anchors
    assert "mergeguard unmapped apply 0123abcd --to plain:7" in shown
    assert "31%" in shown
    heads = [t for t in page.shown if t in ("base: the pristine layout", "yours", "upstream's newest")]
    assert heads == [
        "base: the pristine layout",
        "yours",
        "upstream's newest",
        "base: the pristine layout",
        "yours",
    ]
    assert "(removed)" in shown


def test_every_page_text_is_printable():
    text = html.render(ledger(), "1.0")
    text.encode("utf-8")
    assert not [c for c in text if c != "\n" and not c.isprintable()]


lines = st.lists(st.sampled_from("abcdef"), max_size=12)


@given(lines, lines, lines)
def test_rows_hold_every_line_of_every_text(base, yours, theirs):
    rows = html.rows(base, yours, theirs)
    for column, text in enumerate((base, yours, theirs)):
        cells = [row.cells[column] for row in rows if row.cells[column] is not None]
        assert cells == list(enumerate(text))
    for row in rows:
        if not any(row.changed):
            assert len({cell and cell[1] for cell in row.cells}) == 1


def test_markdown_stays_what_it_says():
    text = markdown.render(ledger())
    inside = fence = None
    for line in text.split("\n"):
        mark = line[: len(line) - len(line.lstrip("`"))]
        if inside is None and len(mark) >= 3:
            inside, fence = line, mark
        elif inside is not None and line == fence:
            inside = None
        elif inside is None:
            outside = markdown_without_code(line)
            assert "<script" not in outside.replace("\\<", "")
            assert "<img" not in outside.replace("\\<", "")
    assert inside is None
    assert "mergeguard unmapped show" not in text  # a conflict comes first
    assert "**next:** resolve the markers, `git add` the files, then `mergeguard sync --continue`" in text


def markdown_without_code(line):
    """The line without its inline code spans."""
    import re

    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", line)


def test_markdown_of_a_clean_fork_says_so():
    assert "✅" in markdown.render(EMPTY)
    assert "next" not in markdown.render(EMPTY)


def test_markdown_tables_keep_their_columns():
    rows = [line for line in markdown.render(ledger("a|b")).split("\n") if line.startswith("| ")]
    assert rows
    for row in rows:
        assert row.replace("\\|", "").count("|") in (3, 9)


@pytest.mark.parametrize("value", [ledger(), ledger("plain"), EMPTY], ids=["full", "plain", "empty"])
def test_sarif_is_what_a_code_host_takes(value):
    log = sarif(value, "1.0.0")
    json.dumps(log).encode("ascii")
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        for location in [*result["locations"], *result.get("relatedLocations", ())]:
            place = location["physicalLocation"]
            assert place["region"]["startLine"] >= 1
            assert place["region"].get("endLine", 10**6) >= place["region"]["startLine"]
            uri = place["artifactLocation"]["uri"]
            assert uri.isascii()
            assert not set(uri) & set(' <>"`|\\\n')
            assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]


def test_sarif_names_each_hunk_and_suppresses_kept_ones():
    (run,) = sarif(ledger("some file.cu"), "1.0.0")["runs"]
    hunks = {
        r["partialFingerprints"]["mergeguardHunk/v1"]: r for r in run["results"] if "partialFingerprints" in r
    }
    assert set(hunks) == {"0123abcd", "00000000"}
    opened, kept = hunks["0123abcd"], hunks["00000000"]
    assert opened["ruleId"] == "unmapped/elsewhere"
    assert "suppressions" not in opened
    assert kept["suppressions"][0]["status"] == "accepted"
    region = opened["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["endLine"]) == (4, 6)
    uri = opened["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == "some file.cu"
    assert [r["ruleId"] for r in run["results"]].count("conflict") == 3
    assert "finding" in {r["ruleId"] for r in run["results"]}


def test_the_schema_of_the_formats_agrees_with_the_values():
    """Each reason has its SARIF rule and its JSON name."""
    ids = {rule["id"] for rule in sarif(EMPTY, "1")["runs"][0]["tool"]["driver"]["rules"]}
    known = set(SCHEMA["$defs"]["hunk"]["properties"]["reason"]["enum"])
    assert known == {reason.name.lower() for reason in Reason}
    assert {f"unmapped/{n.replace('_', '-')}" for n in known - {"glue"}} <= ids
