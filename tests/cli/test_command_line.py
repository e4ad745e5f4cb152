"""Ordinary command lines run without the terminal libraries, and say what those would say."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.cli import terminal
from mergeguard.cli.app import root
from mergeguard.cli.declare import VerbGroup
from mergeguard.cli.markup import Table, escape, plain, styled
from mergeguard.cli.parsing import parse
from mergeguard.cli.verbs import NARROWEST, VERBS, overview
from mergeguard.reporting.inert import visible


@pytest.fixture(scope="module")
def whole() -> Any:
    return typer.main.get_command(terminal.build([*VERBS], root))


def test_the_overview_is_what_typer_would_print(whole, monkeypatch):
    for width in (NARROWEST, 80, 119, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        with contextlib.redirect_stdout(io.StringIO()) as shown, pytest.raises(SystemExit):
            whole.main(["--help"], prog_name="mergeguard")
        assert "".join(f"{plain(line)}\n" for line in overview(width)) == shown.getvalue()


def function_of(name):
    found = getattr(import_module(f"mergeguard.cli.{VERBS[name].module}"), VERBS[name].attribute)
    return found.default if isinstance(found, VerbGroup) else found


@pytest.mark.parametrize("name", VERBS)
def test_a_summary_is_how_the_verbs_help_begins(name):
    first, _, _ = (function_of(name).__doc__ or "").partition("\n\n")
    assert " ".join(first.split()) == VERBS[name].summary


LINES = (
    "sync --rebase --no-audit upstream/main",
    "sync --audit -m message -n",
    "sync a b",
    "sync --no-rebase",
    "sync -mmessage",
    "sync --message=",
    "sync -- --odd",
    "status --json --upstream v1",
    "status --upstream=v1",
    "status --upstream",
    "status extra",
    "where f.cu:1 --monolith",
    "where",
    "report -f html -o out.html --no-suggest",
    "report --format rtf",
    "report --format HTML",
    "cost rule -j 4",
    "cost --jobs 0",
    "cost --jobs four",
    "leave --dry-run a b c",
    "leave",
    "import -p 2 -C 3 a.patch b.patch",
    "import -p2 a.patch",
    "adopt rule --file a --file b",
    "trust rule digest",
    "mode build one two",
    "completion zsh",
    "completion tcsh",
    "check --help",
    "check - x",
    "export --subject-prefix A..B",
    "init x --most -1",
)


def read_by_typer(function, words):
    """What typer would call the function with; None where it refuses the words."""
    seen: list[dict[str, Any]] = []

    @functools.wraps(function)
    def record(**arguments):
        seen.append(arguments)

    app = typer.Typer()
    app.command("verb")(terminal.typed(record))
    app.command("other")(lambda: None)
    with contextlib.suppress(Exception):
        typer.main.get_command(app).main(["verb", *words], standalone_mode=False)
    return seen[0] if seen else None


@pytest.mark.parametrize("line", LINES)
def test_what_is_read_without_typer_is_read_as_typer_reads_it(line):
    name, *words = line.split()
    function = function_of(name)
    ours, theirs = parse(function, words), read_by_typer(function, words)
    if ours is not None:
        bound = inspect.signature(function).bind(**ours)
        bound.apply_defaults()
        assert theirs == bound.arguments


@pytest.mark.parametrize(
    "line", ["sync --rebase --no-audit upstream/main", "report -f html", "cost rule -j 4"]
)
def test_these_lines_need_no_typer(line):
    name, *words = line.split()
    assert parse(function_of(name), words) is not None


@pytest.mark.parametrize("words", [["--help"], ["rules", "list"], ["completion", "bash", "--bad"]])
def test_the_terminal_libraries_are_loaded_for_help_and_errors_alone(words, tmp_path):
    code = (
        "import sys; from mergeguard.cli.app import run\n"
        f"try: run({words!r})\n"
        "except SystemExit: pass\n"
        "print([name for name in ('rich', 'typer') if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stderr.endswith("'typer']\n" if "--bad" in words else "[]\n"), ran.stderr


# -- markup --------------------------------------------------------------------------------------------


@given(st.text(), st.text(st.characters(exclude_characters="[")))
def test_escaped_text_is_shown_as_it_is(text, around):
    assert plain(f"{around}[bold]{escape(text)}[/]{around}") == visible(around + text + around)


@given(st.text("[]/\\ bold dim red"))
def test_styles_add_nothing_but_codes(markup):
    assert re.sub(r"\x1b\[[0-9;]*m", "", styled(markup, colours=True, attributes=True)) == plain(markup)


def test_styles_nest_and_end_with_their_line():
    markup = "a [bold red]b\nc[dim]d[/][/] [unknown]e"
    bold = "a \x1b[1;31mb\x1b[0m\n\x1b[1;31mc\x1b[0m\x1b[1;2;31md\x1b[0m [unknown]e"
    assert styled(markup, colours=True, attributes=True) == bold
    assert "31" not in styled(markup, colours=False, attributes=True)
    assert "\x1b" not in styled(markup, colours=True, attributes=False)


@given(st.lists(st.tuples(st.text("abc[ ", max_size=9), st.text("xyz", max_size=5)), max_size=4))
def test_a_table_is_what_rich_would_print(rows):
    table = Table()
    table.add_column("first")
    table.add_column("n", justify="right")
    for first, second in rows:
        table.add_row(f"[green]{escape(first)}[/]", second)
    lines = table.lines(80)
    assert lines is not None
    shown = "".join(f"{plain(line)}\n" for line in lines)
    assert shown == terminal.wrapped(table, 80, colours=False, attributes=False)
    assert table.lines(3) is None
