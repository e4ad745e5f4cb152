"""``mergeguard audit`` on real merges of real repositories."""

from __future__ import annotations

import json

import pytest

from mergeguard.fork.workspace import file_edits
from mergeguard.git.repository import Repository
from mergeguard.verbs import auditing
from tests.support import corpus
from tests.support.story import INT4, Story, git

FIRST = "#define LDS_SIZE"


HELPER = """static __device__ int reduce(int x, int y) {
  int sum = x + y;
  for (int i = 0; i < 4; ++i) sum += shuffle(sum, i);
  return sum;
}
"""
HEADER = "csrc/reduce.cuh"
KERNEL = f"{INT4}/kernel.cuh"


@pytest.fixture
def trapped(tmp_path):
    """Upstream renames a function of a header, which a local edit of a layout file has begun to use."""
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    (story.upstream / HEADER).write_text(HELPER)
    monolith = story.upstream / f"{INT4}.cu"
    monolith.write_text(monolith.read_text().replace("#include", '#include "../reduce.cuh"\n#include', 1))
    story.upstream_commits("a helper")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    story.edit(KERNEL, FIRST, f"#define TUNED(x) reduce(x, 4)\n{FIRST}")
    story.commits("tune with the helper")
    story.edit(HEADER, "reduce(", "warp_reduce(", upstream=True)
    story.upstream_commits("a better name")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 1 and "Audited: 1 finding" in ran.out and f"gone-name {KERNEL}:" in ran.out
    return story, KERNEL


def audited(story, *arguments):
    ran = story.run("audit", *arguments, "--json")
    return ran.code, json.loads(ran.out)


def test_the_last_merge_is_audited_in_the_layout(trapped):
    story, path = trapped
    code, document = audited(story)
    assert code == 1 and not document["clean"]
    (merge,) = document["merges"]
    assert merge["merge"] == git(story.fork, "rev-parse", "HEAD").strip()
    (finding,) = merge["findings"]
    assert (finding["code"], finding["name"]) == ("gone-name", "reduce")
    assert finding["hint"].startswith("warp_reduce")
    use, *others = finding["places"]
    assert (use["version"], use["path"], use["layout"][0]) == ("merged", f"{INT4}.cu", path)
    assert "TUNED(x) reduce" in story.text(path).splitlines()[use["layout"][1] - 1]
    assert [(p["version"], p["path"], p["line"]) for p in others] == [
        ("base", HEADER, 1),
        ("theirs", HEADER, 1),
    ]
    assert {c["side"]: c["subject"] for c in finding["commits"]} == {
        "ours": "tune with the helper",
        "theirs": "a better name",
    }


def test_it_changes_nothing_and_prints_both_places(trapped):
    story, path = trapped
    before = story.fingerprint()
    ran = story.run("audit")
    assert ran.code == 1
    assert "gone-name" in ran.out and path in ran.out and "1 finding" in ran.out
    assert story.fingerprint() == before


def test_sarif_names_the_layout_s_files(trapped):
    story, path = trapped
    log = json.loads(story.run("audit", "--sarif").out)
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == "audit/gone-name"
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == path
    assert len(result["relatedLocations"]) == 2


def test_a_range_and_what_is_no_merge(trapped):
    story, _ = trapped
    assert len(audited(story, "HEAD~1..HEAD")[1]["merges"]) == 1
    merges = audited(story, "upstream/main~2..HEAD")[1]["merges"]
    assert [len(merge["findings"]) for merge in merges] == [0, 1]
    assert audited(story, "HEAD..HEAD") == (
        0,
        {"mergeguard": 1, "kind": "audit", "clean": True, "merges": []},
    )
    assert story.run("audit", "HEAD~1").code == 2
    story.write("note.txt", b"x\n")
    story.commits("after the merge")
    assert len(audited(story)[1]["merges"][0]["findings"]) == 1


def test_an_innocent_sync_is_clean(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4", "attention")
    story.edit(f"{INT4}.cu", FIRST, f"// upstream\n{FIRST}", upstream=True)
    story.upstream_commits("a comment")
    story.fetch()
    story.write("csrc/fork_only.cu", b"int fork_only() { return 1; }\n")
    story.commits("local")
    assert story.run("sync", "upstream/main").code == 0
    code, document = audited(story)
    assert (code, document["merges"][0]["findings"]) == (0, [])
    assert document["merges"][0]["files"] >= 2


def test_a_merge_that_waits_for_its_commit(trapped):
    story, path = trapped
    story.run("leave", "skinny_gemms_int4")
    story.commits("no split")
    git(story.fork, "checkout", "-q", "-b", "other", "HEAD~1^1")
    git(story.fork, "merge", "-q", "--no-commit", "--no-ff", "upstream/main")
    code, document = audited(story)
    (merge,) = document["merges"]
    assert (code, merge["merge"], merge["findings"][0]["name"]) == (1, None, "reduce")
    assert merge["findings"][0]["places"][0]["layout"][0] == path


@pytest.mark.parametrize(("old", "new"), [("0.30.0", "0.32.0"), ("0.32.0", "0.33.0")])
def test_a_release_under_a_small_local_edit_gives_no_finding(tmp_path, old, new):
    """The releases are right as they are, and the local edit touches nothing that upstream changed."""
    repository = Repository.discover(corpus.repository((old, new), tmp_path / "chain"))
    before, after = (repository.resolve(f"v{version}") for version in (old, new))
    tree = repository.tree_of(before)
    path = "csrc/rocm/skinny_gemms.cu"
    entry = repository.entry(tree, path)
    assert entry is not None
    text = repository.read_blob(entry.oid)
    at = text.index(b";\n", len(text) // 2) + 2
    edit = text[:at] + b"// local edit\n" + text[at:]
    tree = repository.edit_tree(tree, file_edits(repository, {path: edit}))
    ours = repository.commit_object(tree, (before,), "local\n")
    outcome = repository.merge_trees(ours, after)
    assert outcome.clean
    findings, files = auditing.audit_commits(repository, (before,), ours, after, outcome.tree)
    assert findings == ()
    assert files > 50


def test_a_file_that_upstream_renamed_keeps_its_edits(tmp_path):
    """git carries the local edit to the new name: nothing is lost, and nothing is there twice."""
    story = Story.begin(tmp_path)
    git(story.upstream, "mv", f"{INT4}.cu", "csrc/rocm/renamed.cu")
    story.edit("csrc/rocm/renamed.cu", FIRST, f"int upstream_one();\n{FIRST}", upstream=True)
    story.upstream_commits("rename")
    story.fetch()
    text = story.text(f"{INT4}.cu")
    story.write(f"{INT4}.cu", (text + "\nint local_one() { return 1; }\n").encode())
    story.commits("local")
    git(story.fork, "merge", "-q", "--no-edit", "upstream/main")
    assert "local_one" in story.text("csrc/rocm/renamed.cu")
    assert audited(story)[0] == 0
    merged = story.text("csrc/rocm/renamed.cu").replace("\nint local_one() { return 1; }\n", "")
    story.write("csrc/rocm/renamed.cu", merged.encode())
    git(story.fork, "add", "-A")
    git(story.fork, "commit", "-q", "--amend", "--no-edit")
    code, document = audited(story)
    (finding,) = document["merges"][0]["findings"]
    assert (code, finding["code"], finding["name"], finding["side"]) == (1, "lost-lines", "local_one", "ours")


FOLDER = "csrc/traps"
SAFE = "".join(f"int filler{n}(int x) {{ return x + {n}; }}\n\n" for n in range(6))
OPS = 'TORCH_LIBRARY_EXPAND(NAME, ops) {{\n  ops.def("old(Tensor x) -> Tensor");\n{}}}\n'
CALLEE = '#include "calls.cuh"\nint trap_call(int a{}) {{ return a; }}\n'
TUNE = "static int trap_tune(int a) {{\n  int b = a{};\n  return b;\n}}\n{}int user(int x) {{ return {}; }}\n"
# file -> its text in the base, on our side, on their side (None: as in the base)
TRAPS = {
    "calls.cuh": ("int trap_call(int a);\n" + SAFE, None, "int trap_call(int a, int b);\n" + SAFE),
    "calls.cu": (
        CALLEE.format("") + SAFE,
        CALLEE.format("") + SAFE + "int mine() { return trap_call(1); }\n",
        CALLEE.format(", int b") + SAFE,
    ),
    "dead.cu": (
        TUNE.format("", SAFE, "trap_tune(x)"),
        TUNE.format(" * 4", SAFE, "trap_tune(x)"),
        TUNE.format("", SAFE, "x"),
    ),
    "ops.h": ("void trap_op(int x);\nvoid kept();\n", None, "void kept();\n"),
    "op.cu": ('#include "ops.h"\nvoid trap_op(int x) { run(x); }\n' + SAFE, None, SAFE),
    "bindings.cpp": (
        '#include "ops.h"\n' + OPS.format(""),
        '#include "ops.h"\n' + OPS.format('  ops.impl("old", torch::kCUDA, &trap_op);\n'),
        None,
    ),
}  # fmt: skip


def test_every_kind_of_trap_is_on_the_sync_s_screen_and_in_the_report(tmp_path):
    story = Story.begin(tmp_path)
    for stage in range(3):
        for name, texts in TRAPS.items():
            text = texts[stage] or texts[0]
            if stage == 1:
                story.write(f"{FOLDER}/{name}", text.encode())
            else:
                (story.upstream / FOLDER).mkdir(exist_ok=True)
                (story.upstream / FOLDER / name).write_text(text)
        if stage == 1:
            story.commits("ours")
            continue
        story.upstream_commits(f"theirs {stage}")
        story.fetch()
        ran = story.run("sync", "upstream/main")
    assert git(story.fork, "status", "--porcelain") == "", "the merge has landed"
    expected = {
        ("changed-signature", "trap_call", "calls.cu"),
        ("unused-edit", "trap_tune", "dead.cu"),
        ("undefined-registration", "trap_op", "bindings.cpp"),
    }
    assert ran.code == 1
    assert all(f"{code} {FOLDER}/{path}:" in ran.out for code, _, path in expected)
    document = json.loads(story.run("report", "--json").out)
    found = document["last_sync"]["audit"]
    assert {(f["code"], f["name"], f["places"][0]["path"].rsplit("/", 1)[1]) for f in found} == expected
    assert all(len(f["places"]) > 1 for f in found)
    assert all({c["side"] for c in f["commits"]} == {"ours", "theirs"} for f in found)
    written = {name: story.run("report", "--format", name).out for name in ("markdown", "html", "terminal")}
    assert all(code in text for text in written.values() for code, *_ in expected)
    results = json.loads(story.run("report", "--format", "sarif").out)["runs"][0]["results"]
    assert {r["ruleId"] for r in results} == {f"audit/{code}" for code, *_ in expected}


def test_clang_sees_what_tokens_do_not(tmp_path):
    """One side makes a variable a constant, and the other assigns to it further down."""
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    body = "inline int rounds(int n) {\n  int most = 4;\n" + "".join(f"  n += {k};\n" for k in range(6))
    (story.upstream / HEADER).write_text(body + "  return n < most ? n : most;\n}\n")
    story.upstream_commits("a header")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    story.edit(HEADER, "  int most", "  const int most")
    story.commits("a constant")
    story.edit(HEADER, "  return n", "  most += 1;\n  return n", upstream=True)
    story.upstream_commits("one more")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    assert audited(story)[0] == 0
    code, document = audited(story, "--ast")
    (finding,) = document["merges"][0]["findings"]
    assert code == 1 and (finding["code"], finding["name"]) == ("ast-error", "most")
    assert "const" in finding["message"]
    assert (finding["places"][0]["path"], finding["places"][0]["line"]) == (HEADER, 9)


def test_the_audit_can_be_left_out(trapped):
    story, _ = trapped
    git(story.fork, "reset", "-q", "--hard", "HEAD~1")
    ran = story.run("sync", "upstream/main", "--dry-run", "--no-audit")
    assert ran.code == 0 and "Audited" not in ran.out
    git(story.fork, "config", "mergeguard.audit", "false")
    assert json.loads(story.run("sync", "upstream/main", "--json").out)["audit"] is None
    git(story.fork, "reset", "-q", "--hard", "HEAD~1")
    ran = story.run("sync", "upstream/main", "--rebase", "--audit", "--json")
    assert ran.code == 1
    assert [f["code"] for f in json.loads(ran.out)["audit"]] == ["gone-name"]


def test_a_resolved_merge_is_audited_as_audit_does(trapped):
    story, path = trapped
    git(story.fork, "reset", "-q", "--hard", "HEAD~1")
    story.edit(HEADER, "i < 4", "i < 8")
    story.commits("more rounds")
    story.edit(HEADER, "i < 4", "i < 2", upstream=True)
    story.upstream_commits("fewer rounds")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 1
    git(story.fork, "checkout", "-q", "--theirs", HEADER)
    git(story.fork, "add", "-A")
    ran = story.run("sync", "--continue")
    assert ran.code == 1 and f"gone-name {path}:" in ran.out
    said = json.loads(story.run("report", "--json").out)["last_sync"]["audit"]
    (merge,) = json.loads(story.run("audit", "HEAD", "--json").out)["merges"]
    assert [f["code"] for f in said] == [f["code"] for f in merge["findings"]]
    assert {"gone-name", "overwritten-edit"} == {f["code"] for f in said}


def test_what_was_decided_in_a_conflict_is_shown_and_fails_nothing(trapped):
    story, _ = trapped
    git(story.fork, "reset", "-q", "--hard", "HEAD~1")
    git(story.fork, "merge", "-q", "--no-edit", "upstream/main")
    story.edit(HEADER, "i < 4", "i < 8")
    story.commits("more rounds")
    story.edit(HEADER, "i < 4", "i < 2", upstream=True)
    story.upstream_commits("fewer rounds")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 1
    git(story.fork, "checkout", "-q", "--theirs", HEADER)
    git(story.fork, "add", "-A")
    ran = story.run("sync", "--continue")
    assert ran.code == 0 and "overwritten-edit" in ran.out, ran.out
    assert "in conflicts that you have just resolved" in ran.out
