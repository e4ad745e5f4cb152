"""Manual review of unmapped hunks to the end, on a real fork: nothing is guessed, nothing is lost."""

from __future__ import annotations

import json
import shutil
import subprocess

import jsonschema
import pytest

from mergeguard.cli.app import run
from mergeguard.errors import LayoutError, MergeguardError
from mergeguard.findings import Severity
from mergeguard.fork import candidates, keepmarks
from mergeguard.fork.patches import read, unified
from mergeguard.fork.report import Unresolved, arrivals, hunk_ids
from mergeguard.treemerge import lastsync
from mergeguard.verbs import checking, unmapped
from mergeguard.verbs import status as statuses
from mergeguard.verbs import sync as syncing
from mergeguard.verbs.ledger import ledger
from tests.reporting.test_reporting import SCHEMA
from tests.support.exchange import BODY, KERNEL, LAYOUT, MONOLITH, Pair

SHARD = LAYOUT + "instantiate_n2.cu"
HELPER = b"\n// the fork's own\nstatic int mindiv_twice(int n) { return mindiv(n, 2, 2); }\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A fork with one local edit that is mapped, one of glue, and a helper typed into a shard."""
    made = Pair.make(tmp_path_factory.mktemp("template") / "repo")
    made.edit(KERNEL, 'rfind("gfx1", 0) == 0', 'rfind("gfx1", 0) == 1')
    made.edit(MONOLITH, "    case 2:\n      return merge", "    case 2:\n      // glue\n      return merge")
    made.write(SHARD, made.read(SHARD) + HELPER)
    made.git("commit", "-q", "-a", "-m", "local")
    return made.root


@pytest.fixture
def pair(template, tmp_path):
    """The template's own copy for each test."""
    shutil.copytree(template, tmp_path / "repo")
    copy = Pair.at(tmp_path / "repo")
    copy.git("update-index", "-q", "--refresh")
    return copy


def only(pair):
    (case,) = unmapped.review(pair.fork)
    return case


def layout(pair):
    return {p: pair.read(p) for p in pair.git("ls-files", MONOLITH, LAYOUT).split("\n")}


def unsplit(pair):
    workspace = pair.fork.staged()
    return workspace.unsplit(workspace.rule("skinny_gemms"))


def command(*arguments):
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    return ended.value.code


# -- reading -----------------------------------------------------------------------------------------


def test_a_case_says_all_there_is_to_know(pair):
    case = only(pair)
    assert (case.rule, case.hunk.path, case.hunk.new, case.open) == ("skinny_gemms", SHARD, HELPER, True)
    assert case.nearest == "mindiv"
    assert case.places[0].path == KERNEL
    assert case.places[0].item == "mindiv"
    assert case.places == tuple(sorted(case.places, key=lambda p: -p.similarity))
    assert case.commands()[0][1] == f"mergeguard unmapped apply {case.id} --after mindiv"
    assert "git add" not in case.commands()[0][1]


def test_the_id_survives_what_happens_around(pair):
    before = only(pair).id
    pair.write(SHARD, b"// above\n" + pair.read(SHARD))
    assert before in {case.id for case in unmapped.review(pair.fork, suggest=False)}


def test_a_hunk_that_is_not_staged_says_so(pair):
    pair.write(SHARD, pair.read(SHARD) + b"int more;\n")
    case = only(pair)
    assert case.unstaged
    assert all(c.startswith(f"git add -- {SHARD} && ") for _, c in case.commands())
    with pytest.raises(LayoutError, match="not staged"):
        unmapped.drop(pair.fork, case.id)
    pair.git("add", SHARD)
    unmapped.drop(pair.fork, case.id)
    assert unmapped.review(pair.fork) == ()


def test_ids_may_be_shortened_and_must_be_known(pair):
    case = only(pair)
    assert unmapped.find(pair.fork, case.id[:3]).id == case.id
    with pytest.raises(LayoutError, match=case.id):
        unmapped.find(pair.fork, "zz")


@pytest.mark.parametrize("tool", [("git", "apply"), ("patch", "-p1", "-s")], ids=lambda t: t[0])
def test_the_patch_is_an_ordinary_one(pair, tool):
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not here: install it")
    case = only(pair)
    with_hunk = pair.read(SHARD)
    for options, expected in ((["-R"], with_hunk.removesuffix(HELPER)), ([], with_hunk)):
        subprocess.run([*tool, *options], cwd=pair.root, input=case.patch, check=True, capture_output=True)
        assert pair.read(SHARD) == expected


# -- apply -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1])
def test_every_candidate_place_works(pair, number):
    case = only(pair)
    place = case.places[number]
    before = unsplit(pair)
    done = unmapped.apply(pair.fork, case.id, (place.path, place.line))
    after = unsplit(pair)
    assert done.mapped
    assert after.unmapped == ()
    assert after.overlay == before.overlay
    assert after.monolith.count(HELPER.strip()) == 1
    assert after.monolith.replace(HELPER, b"", 1) == before.monolith
    assert done.place is not None
    assert set(done.files) == {SHARD, done.place[0]}
    assert set(pair.git("status", "--porcelain").split("\n")) == {f"M  {path}" for path in done.files}
    assert pair.read(SHARD) == before.kept[SHARD]
    assert done.saved is not None
    with open(done.saved, "rb") as saved:
        assert saved.read() == case.patch


def test_a_place_where_it_would_not_be_mapped_is_refused(pair):
    case = only(pair)
    before = layout(pair)
    lines = pair.read(MONOLITH).split(b"\n")
    glue = lines.index(b"      // glue") + 1
    for path, line, message in (
        (SHARD, 1, "not be mapped there either"),
        (LAYOUT + "instantiate_n1.cu", 9, "not be mapped there either"),
        (MONOLITH, glue, "glue"),
        (KERNEL, 10_000, "lines"),
        ("CMakeLists.txt", 1, "not a file of this layout"),
    ):
        with pytest.raises(LayoutError, match=message):
            unmapped.apply(pair.fork, case.id, (path, line))
    assert layout(pair) == before
    assert pair.git("status", "--porcelain") == ""


def test_the_printed_command_is_as_good_after_other_edits(pair):
    case = only(pair)
    printed = case.commands()[0][1].split()
    pair.write(KERNEL, b"// one\n// two\n// three\n" + pair.read(KERNEL))
    pair.git("add", "-A")
    (done,) = [c for c in unmapped.review(pair.fork, suggest=False) if c.id == case.id]
    assert done.open
    assert command("-C", str(pair.root), *printed[1:]) == 0
    assert HELPER.strip() in unsplit(pair).monolith
    text = unsplit(pair).monolith
    assert text.index(b"mindiv(int") < text.index(b"mindiv_twice")


def test_what_is_no_place_is_refused(pair):
    """A function inside of a parameter list is mapped, but it is no program."""
    case = only(pair)
    lines = pair.read(KERNEL).splitlines()
    at = next(n for n, line in enumerate(lines) if b" mindiv(" in line)
    inside = next(n for n in range(at, len(lines)) if b"," in lines[n]) + 2
    before = layout(pair)
    for line in (inside, at + 2):
        with pytest.raises(LayoutError, match="can't go there"):
            unmapped.apply(pair.fork, case.id, (KERNEL, line))
    assert layout(pair) == before


def test_of_two_of_one_name_the_condition_says_which(pair):
    double = (
        b"#if defined(A)\nstatic int pick(int n) { return n; }\n"
        b"#else\nstatic int pick(int n) { return -n; }\n#endif\n"
    )
    pair.write(KERNEL, pair.read(KERNEL) + double)
    pair.git("commit", "-q", "-a", "-m", "two of one name")
    case = only(pair)
    with pytest.raises(LayoutError, match="2 of them"):
        unmapped.apply(pair.fork, case.id, anchor=candidates.Anchor("after", "pick"))
    workspace = pair.fork.staged()
    here = unmapped.desk(workspace, workspace.rule("skinny_gemms"))
    both = candidates.anchored(here, candidates.Anchor("after", "pick"))
    assert len({place.condition for place in both}) == 2 and all(place.condition for place in both)
    (one,) = candidates.anchored(here, candidates.Anchor("after", "pick", both[1].condition))
    assert one == both[1]


def test_an_edit_of_glue_is_accepted_with_a_reason(pair):
    pair.git("rm", "-q", "--cached", "-r", ".mergeguard/kept", "--ignore-unmatch")
    unmapped.drop(pair.fork, only(pair).id)
    pair.edit(MONOLITH, "    case 2:\n      // glue\n", "    case 2:\n      log_it();\n      // glue\n")
    pair.git("add", "-A")
    workspace = pair.fork.staged()
    failed = checking.failures(checking.run(workspace))
    assert {f.code for f in failed} == {"dispatch"}
    (name,) = hunk_ids(workspace.unsplit(workspace.rule("skinny_gemms")).overlay)
    with pytest.raises(LayoutError, match="reason"):
        unmapped.keep(pair.fork, name)
    unmapped.keep(pair.fork, name, "we log each call")
    found = checking.run(pair.fork.staged())
    assert not checking.failures(found)
    assert any("we log each call" in f.message for f in found if f.code == "dispatch")
    unmapped.keep(pair.fork, name, undo=True)
    assert checking.failures(checking.run(pair.fork.staged()))


def test_where_several_places_would_do_none_is_chosen(pair):
    case = only(pair)
    with pytest.raises(LayoutError, match="places would do"):
        unmapped.apply(pair.fork, case.id)
    assert pair.git("status", "--porcelain") == ""


def test_a_dry_run_changes_nothing(pair):
    case = only(pair)
    place = case.places[0]
    unmapped.apply(pair.fork, case.id, (place.path, place.line), dry_run=True)
    unmapped.drop(pair.fork, case.id, dry_run=True)
    assert pair.git("status", "--porcelain") == ""
    assert not (pair.root / ".git" / unmapped.DROPPED).exists()


def test_statements_go_into_a_function(pair):
    """A line typed across a guard of the body: its place inside the function is found."""
    line = b'    TORCH_CHECK(sYT >= 0, "sYT ", sYT);\n'
    pair.git("reset", "-q", "--hard", "HEAD~1")
    pair.write(SHARD, pair.read(SHARD) + line)
    pair.git("commit", "-q", "-a", "-m", "statement")
    case = only(pair)
    text = pair.read(BODY).decode().split("\n")
    at = text.index("    switch (N_in) {") + 1
    done = unmapped.apply(pair.fork, case.id, (BODY, at))
    assert done.files == tuple(sorted((BODY, SHARD)))
    assert line in unsplit(pair).monolith
    assert unsplit(pair).unmapped == ()


# -- drop --------------------------------------------------------------------------------------------


def test_drop_takes_out_the_hunk_and_nothing_else(pair):
    before = unsplit(pair)
    case = only(pair)
    done = unmapped.drop(pair.fork, case.id[:4])
    after = unsplit(pair)
    assert done.files == (SHARD,)
    assert (after.monolith, after.overlay, after.unmapped) == (before.monolith, before.overlay, ())
    assert pair.read(SHARD) == before.kept[SHARD]
    assert pair.git("diff", "--name-only") == ""
    # Nothing is lost: git itself brings it back.
    pair.git("apply", "--index", str(done.saved))
    assert only(pair).id == case.id


def test_dropping_a_removal_brings_the_file_back(pair):
    unmapped.drop(pair.fork, only(pair).id)
    pair.git("commit", "-q", "-m", "dropped")
    text = pair.read(SHARD)
    pair.git("rm", "-q", SHARD)
    pair.git("commit", "-q", "-m", "removed")
    case = only(pair)
    assert case.places == ()
    with pytest.raises(LayoutError, match="no place"):
        unmapped.apply(pair.fork, case.id)
    unmapped.drop(pair.fork, case.id)
    assert pair.read(SHARD) == text
    assert unmapped.review(pair.fork) == ()


def test_a_hunk_beside_an_edit_of_glue_leaves_alone(pair):
    unmapped.drop(pair.fork, only(pair).id)
    text = pair.read(SHARD)
    pair.write(SHARD, text.replace(b'#include "dispatch.cuh"\n', b'#include  "dispatch.cuh"\nint own;\n'))
    pair.git("commit", "-q", "-a", "-m", "beside")
    found = unmapped.review(pair.fork)
    glue = unsplit(pair).overlay
    for case in found:
        unmapped.drop(pair.fork, case.id)
        assert unsplit(pair).overlay == glue
    assert unmapped.review(pair.fork) == ()


def test_unstaged_work_in_the_file_is_not_overwritten(pair):
    case = only(pair)
    pair.write(SHARD, b"// unsaved thoughts\n" + pair.read(SHARD))
    mine = pair.read(SHARD)
    with pytest.raises(MergeguardError, match="would be overwritten"):
        unmapped.drop(pair.fork, case.id)
    assert pair.read(SHARD) == mine
    assert pair.git("diff", "--cached", "--name-only") == ""


def test_other_staged_work_is_taken_along(pair):
    pair.write("other", "staged\n")
    pair.git("add", "other")
    pair.write("CMakeLists.txt", b"# unstaged\n" + pair.read("CMakeLists.txt"))
    unmapped.drop(pair.fork, only(pair).id)
    assert pair.git("status", "--porcelain").split("\n") == [" M CMakeLists.txt", f"M  {SHARD}", "A  other"]


# -- edit --------------------------------------------------------------------------------------------


def editor(pair, monkeypatch, script):
    path = pair.root / ".git" / "editor.sh"
    path.write_text(script)
    monkeypatch.setenv("GIT_EDITOR", f"sh '{path}'")


def test_edit_applies_what_was_saved(pair, monkeypatch):
    case = only(pair)
    editor(
        pair, monkeypatch, """sed -i -e 's/mindiv_twice/mindiv_thrice/' -e '$a +// and a line more' "$1"\n"""
    )
    done = unmapped.edit(pair.fork, case.id)
    assert done is not None
    assert not done.mapped
    assert pair.read(SHARD).endswith(HELPER.replace(b"twice", b"thrice") + b"// and a line more\n")
    (left,) = done.left
    assert left.id == only(pair).id != case.id
    assert list((pair.root / ".git" / "mergeguard").glob("edit-*")) == []


def test_edit_can_move_the_hunk_to_where_it_is_mapped(pair):
    case = only(pair)
    text = pair.read(KERNEL)
    patch = unified(KERNEL, text, text + HELPER)
    done = unmapped.replacement(pair.fork, case.id, b"# comment\n" + patch)
    assert done.mapped
    assert unsplit(pair).unmapped == ()
    assert HELPER in unsplit(pair).monolith


@pytest.mark.parametrize("script", [":\n", ': > "$1"\n'], ids=["as it was", "emptied"])
def test_edit_without_a_change_changes_nothing(pair, monkeypatch, script):
    editor(pair, monkeypatch, script)
    assert unmapped.edit(pair.fork, only(pair).id) is None
    assert pair.git("status", "--porcelain") == ""


def test_a_patch_that_does_not_fit_is_kept_and_nothing_changes(pair, monkeypatch):
    case = only(pair)
    editor(pair, monkeypatch, """sed -i 's/^ #include/ #exclude/' "$1"\n""")
    with pytest.raises(LayoutError, match="does not fit") as refused:
        unmapped.edit(pair.fork, case.id)
    kept = refused.value.changed.rpartition(" ")[2]
    with open(kept, "rb") as file:
        assert b"#exclude" in file.read()
    assert pair.git("status", "--porcelain") == ""


def test_an_editor_that_fails_changes_nothing(pair, monkeypatch):
    editor(pair, monkeypatch, "exit 3\n")
    with pytest.raises(MergeguardError, match="status 3"):
        unmapped.edit(pair.fork, only(pair).id)
    assert pair.git("status", "--porcelain") == ""


def test_a_patch_for_another_file_is_refused(pair):
    patch = unified("CMakeLists.txt", b"a\n", b"b\n")
    with pytest.raises(LayoutError, match="not of the layout"):
        unmapped.replacement(pair.fork, only(pair).id, patch)


# -- keep --------------------------------------------------------------------------------------------


def test_a_kept_hunk_is_no_longer_open(pair):
    case = only(pair)
    assert case.open
    unmapped.keep(pair.fork, case.id, 'for "n2" \\ only\n')
    assert not only(pair).open
    pair.git("commit", "-q", "-m", "keep")
    assert only(pair).kept == 'for "n2" \\ only\n'
    assert ledger(pair.fork).clean
    (status,) = statuses.status(pair.fork, None)
    assert status.unmapped == ()
    assert [h.new for h in status.overlay if not h.is_overlay] == [HELPER]
    # The mark is for this text: another one is open.
    pair.write(SHARD, pair.read(SHARD).replace(b"twice", b"thrice"))
    assert [c.kept for c in unmapped.review(pair.fork, suggest=False)] == [None]
    (note,) = ledger(pair.fork, suggest=False).notes
    assert case.id in note
    pair.git("checkout", "-q", SHARD)
    unmapped.keep(pair.fork, case.id, undo=True)
    assert only(pair).open
    assert pair.git("status", "--porcelain").split() == ["D", f"{keepmarks.KEPT}/{case.id}.toml"]


def test_check_fails_while_a_hunk_is_open(pair):
    def said():
        findings = [f for f in checking.run(pair.fork.staged()) if f.code == "unmapped"]
        return [(f.severity, case.id in (f.hint or "")) for f in findings]

    case = only(pair)
    assert said() == [(Severity.ERROR, True)]
    unmapped.keep(pair.fork, case.id, "why not")
    assert said() == [(Severity.NOTE, False)]
    unmapped.drop(pair.fork, case.id)
    assert said() == []


def test_dropping_a_kept_hunk_takes_its_mark_along(pair):
    case = only(pair)
    unmapped.keep(pair.fork, case.id)
    pair.git("commit", "-q", "-m", "keep")
    unmapped.drop(pair.fork, case.id)
    assert pair.git("ls-files", keepmarks.KEPT) == ""


# -- the report ----------------------------------------------------------------------------------------


def on_upstream(pair, old, new, path=MONOLITH):
    pair.git("checkout", "-q", "main")
    commit = pair.change(path, old, new, "upstream: change")
    pair.git("checkout", "-q", "fork")
    return commit


def last_state(pair):
    last = ledger(pair.fork, suggest=False).last_sync
    assert last is not None
    return last.state


def test_the_report_of_a_sync(pair):
    on_upstream(pair, "bool on_gfx12() {", "bool on_gfx12() {\n  // upstream's")
    waiting = ledger(pair.fork)
    (rule,) = waiting.rules
    assert [a.item for a in rule.waiting] == ["on_gfx12"]
    assert rule.arrived == ()
    assert {v.path for v in rule.views} == {KERNEL, MONOLITH, SHARD}
    assert waiting.last_sync is None
    syncing.sync(pair.fork, "main")
    landed = ledger(pair.fork)
    assert landed.last_sync is not None
    assert (landed.last_sync.state, landed.last_sync.commits) == (lastsync.LANDED, 1)
    assert landed.last_sync.commit == landed.head
    (rule,) = landed.rules
    assert [(a.item, a.added) for a in rule.arrived] == [("on_gfx12", 1)]
    assert rule.waiting == ()
    assert len(rule.edits) == 1
    assert [c.id for c in rule.unmapped] == [c.id for c in waiting.rules[0].unmapped]
    assert landed.next_command() == f"mergeguard unmapped show {rule.unmapped[0].id}"
    assert landed.last_sync.described == f"landed as {landed.head[:12]}"
    pair.git("reset", "-q", "--hard", "HEAD~1")
    assert last_state(pair) == lastsync.ELSEWHERE
    # Upstream's commit by another way: it came, but not as what that sync made.
    pair.git("merge", "-q", "--no-edit", "-s", "ours", "main")
    last = ledger(pair.fork, suggest=False).last_sync
    assert last is not None
    assert (last.state, last.commit, last.described) == (lastsync.LANDED, None, lastsync.LANDED)


def test_the_report_of_a_sync_that_conflicts(pair, capsysbinary):
    on_upstream(pair, 'rfind("gfx1", 0) == 0', 'rfind("gfx1", 0) == 2')
    assert not syncing.sync(pair.fork, "main").outcome.clean
    waiting = ledger(pair.fork)
    at = pair.read(KERNEL).split(b"\n").index(b"<<<<<<< HEAD") + 1
    assert waiting.conflicts == (Unresolved(KERNEL, (at,)),)
    assert last_state(pair) == lastsync.WAITING
    assert waiting.next_command() == "mergeguard sync --continue"
    # The rules are HEAD's: upstream's change waits, it has not come.
    assert [(len(r.waiting), r.arrived) for r in waiting.rules] == [(1, ())]
    assert command("-C", str(pair.root), "report", "--format", "sarif") == 1
    log = json.loads(capsysbinary.readouterr().out)
    assert "conflict" in {r["ruleId"] for r in log["runs"][0]["results"]}
    pair.git("checkout", "-q", "--theirs", KERNEL)
    pair.git("add", KERNEL)
    (resolved,) = ledger(pair.fork).rules
    assert (len(resolved.arrived), resolved.waiting) == (1, ())
    assert ledger(pair.fork).next_command() == "mergeguard sync --continue"
    syncing.abort_sync(pair.fork)
    assert last_state(pair) == lastsync.ELSEWHERE


def test_what_arrives_is_what_upstream_changed(pair):
    old = unsplit(pair).monolith
    assert [a.item for a in arrivals(old, old.replace(b"bool on_gfx12()", b"bool on_gfx13()"))] == [
        "on_gfx13",
        "on_gfx12",
    ]


def test_a_broken_lock_is_in_the_report(pair):
    lock = ".mergeguard/locks/skinny_gemms.toml"
    text = pair.read(lock).decode()
    upstream = text.split('upstream = "')[1][:40]
    pair.write(lock, text.replace(upstream, "1" * 40))
    found = ledger(pair.fork)
    assert not found.clean
    assert "not in this repository" in (found.rules[0].problem or "")


def test_the_command_line_from_list_to_clean(pair, capsysbinary):
    def out(*arguments, code):
        assert command("-C", str(pair.root), *arguments) == code
        return capsysbinary.readouterr().out.decode()

    case = only(pair)
    assert case.id in out("unmapped", "list", code=1)
    hunks = json.loads(out("unmapped", "show", case.id, "--json", code=1))["hunks"]
    assert hunks[0]["commands"][0]["command"] == case.commands()[0][1]
    assert "mindiv_twice" in out("report", code=1)
    assert f"`{SHARD}:9`" in out("report", "-f", "markdown", code=1)
    data = json.loads(out("report", "--json", code=1))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    page = pair.root / "report.html"
    out("report", "-o", str(page), code=1)
    assert page.read_text().startswith("<!DOCTYPE html>")
    patch = out("unmapped", "show", case.id, "--patch", code=1)
    assert [p.path for p in read(patch.encode())] == [SHARD]
    place = case.places[0]
    out("unmapped", "apply", case.id, "--to", f"{place.path}:{place.line}", code=0)
    assert "Nothing needs a look" in out("report", code=0)
    assert "No unmapped hunk is open" in out("unmapped", "list", code=0)


def test_places_are_tried_not_trusted(pair):
    """Similarity alone would name the shard's own neighbourhood; each place returned maps."""
    workspace = pair.fork.work_tree()
    desk = unmapped.desk(workspace, workspace.rule("skinny_gemms"))
    (name,) = hunk_ids(desk.before.unmapped)
    out = candidates.without(desk, name)
    assert out is not None
    for place in candidates.candidates(desk, name, limit=20, tries=40):
        assert isinstance(candidates.put(desk, name, out, place.path, place.line), candidates.MovedText)


@pytest.mark.parametrize(
    "text", [b"__global__ void mine() {}\n", b"int mine(int a) { return a; }\n", b"int mine = 3;\n"]
)
def test_nothing_is_out_of_date_after_it(pair, text):
    """The text is where the rule has it, with the glue that it needs there: `inline`, say."""
    pair.write(SHARD, pair.read(SHARD).replace(HELPER, b"\n" + text))
    pair.git("add", SHARD)
    case = only(pair)
    done = unmapped.apply(pair.fork, case.id, (case.places[0].path, case.places[0].line))
    assert [f for f in checking.run(pair.fork.staged()) if f.code in ("drift", "unmapped")] == []
    assert done.place is not None
    path, line = done.place
    assert pair.read(path).split(b"\n")[line - 1] == text.strip()
