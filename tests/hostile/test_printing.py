"""Names, code and messages that are not ours are shown, and do nothing, in every medium."""

from __future__ import annotations

import html.parser
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.data import shipped_rules
from mergeguard.reporting import inert
from mergeguard.reporting.page import environment
from tests.support.story import INT4, Story, git

ESCAPE = "\x1b]0;owned\x07\x1b[2K"
#: Acts in a terminal, in rich's markup, in Markdown, in HTML.
NAME = f"a[/bold]<img src=x onerror=y>`{ESCAPE}@all"
RULE = shipped_rules()["vllm/skinny_gemms_int4.toml"]
VERBS = (
    ["status"],
    ["check"],
    ["verify"],
    ["rules"],
    ["rules", "explain", NAME],
    ["report"],
    ["unmapped"],
    ["unmapped", "show", "1"],
    ["where", f"{INT4}/kernel.cuh:1"],
    ["plan", "upstream/main"],
    ["sync", "--dry-run", "upstream/main"],
    ["sync", "--rebase", "--dry-run", "upstream/main"],
    ["split", "--dry-run"],
    ["leave", "--dry-run", NAME],
    ["trust"],
    ["audit"],
    ["export"],
    ["rules", "explain", ESCAPE],
    ["init", f"{ESCAPE}.cu"],
)


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A rule, files, code and commits whose words would act wherever they are printed raw."""
    story = Story.begin(tmp_path_factory.mktemp("hostile"))
    story.write(f".mergeguard/rules/{NAME}.toml", RULE)
    assert story.run("split").code == 0
    story.commits(f"split {NAME}")
    story.edit(f"{INT4}/kernel.cuh", "static int mindiv_int4(", f"// {NAME}\nstatic int mindiv_int4(")
    shard = first_shard(story)
    story.write(shard, f"int own;  // {NAME}\n".encode() + (story.fork / shard).read_bytes())
    story.commits(f"edit {NAME}")
    upstream_edits(story, "static int mindiv_int4(", f"// {ESCAPE}\nstatic  int mindiv_int4(")
    (story.upstream / f"{NAME.replace('/', '')}.cu").write_text("int x;\n")
    story.upstream_commits(f"upstream {NAME}")
    story.fetch()
    return story


def upstream_edits(story, old, new):
    story.edit(f"{INT4}.cu", old, new, upstream=True)


def first_shard(story):
    return min(str(path.relative_to(story.fork)) for path in (story.fork / INT4).glob("*.cu"))


@pytest.mark.parametrize("verb", VERBS, ids=range(len(VERBS)))
def test_no_escape_reaches_the_terminal_and_no_markup_breaks_a_verb(story, verb):
    ran = story.run(*verb)
    assert ran.code in (0, 1, 2), ran.err
    said = ran.out + ran.err
    assert "\x1b" not in said and "\x07" not in said
    assert "internal error" not in said


def test_what_is_made_inert_is_still_told(story):
    assert "\\x1b]0;owned" in story.run("status").out


def test_a_conflict_and_a_report_of_it(story):
    upstream_edits(story, "static  int mindiv_int4(", f"// {ESCAPE} 2\nstatic int  mindiv_int4(")
    story.upstream_commits(f"more {NAME}")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    try:
        assert ran.code == 1 and "\x1b" not in ran.out + ran.err
        for form in ("terminal", "markdown", "html", "sarif", "json"):
            ran = story.run("report", "--format", form)
            assert ran.code in (0, 1) and "\x1b" not in ran.out, form
            if form == "html":
                assert "<img" not in ran.out
            if form == "markdown":
                assert "<summary><b>a[/bold]&lt;img" in ran.out
    finally:
        git(story.fork, "merge", "--abort", check=False)
        git(story.fork, "reset", "-q", "--hard")


def test_hooks_say_what_they_say_inert(story):
    environment = {"GIT_DIR": str(story.fork / ".git")}
    done = subprocess.run(
        [sys.executable, "-m", "mergeguard", "merge-driver", "a", "b", "c", "7", f"{ESCAPE}.cu"],
        cwd=story.fork,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode and b"\x1b" not in done.stdout + done.stderr


# -- each medium by itself -----------------------------------------------------------------------------


@given(st.text())
def test_nothing_that_is_visible_acts(text):
    shown = inert.visible(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", shown)
    assert inert.visible(shown) == shown


def test_words_of_every_language_stay_as_they_are():
    for text in ("naïve — μ", "注释　全角", "שלום", "a\tb\n"):
        assert inert.visible(text) == text


class Elements(html.parser.HTMLParser):
    """The elements and the text of a document."""

    def __init__(self):
        super().__init__()
        self.elements, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


PAGES = environment()


@given(st.text(alphabet=st.sampled_from("<>&\"'a/= \x1b!-")))
def test_html_holds_text_and_no_element(text):
    found = Elements()
    found.feed(PAGES.from_string('<p title="{{ text }}">{{ text }}</p>').render(text=text))
    found.close()
    shown = inert.plain(text)
    assert [tag for tag, _ in found.elements] == ["p"]
    assert found.text == shown and found.elements[0][1] == [("title", shown)]


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("ask @team/all", r"@(?=\w)"),
        ("see #12", r"#(?=\d)"),
        ("https://evil.example", r"https://"),
        ("www.evil.example", r"www\."),
        ("<b>", r"(?<!\\)<b"),
        ("[x](y)", r"(?<!\\)\["),
        ("a | b", r"(?<!\\)\|"),
        ("&lt;", r"(?<!\\)&"),
        ("line\n# head", r"\n"),
    ],
)
def test_markdown_text_is_no_markup_and_calls_nobody(text, never):
    assert not re.search(never, inert.markdown(text))


@given(st.text(alphabet=st.sampled_from("`a \n|")))
def test_a_code_span_ends_where_it_should(text):
    span = inert.code(text)
    found = re.fullmatch(r"(`+)(?!`)(.*?)(?<!`)\1", span)
    assert found and "\n" not in span
    assert all(len(run) != len(found[1]) for run in re.findall("`+", found[2]))


def test_sarif_text_is_no_link():
    assert inert.sarif("[click](http://evil)") == "\\[click\\](http://evil)"
    assert inert.sarif("a[3] = f(x)") == "a[3] = f(x)"


def test_json_of_every_verb_is_ascii(story):
    ran = story.run("status", "--json")
    assert ran.out.isascii() and json.loads(ran.out)["rules"][0]["name"] == NAME
