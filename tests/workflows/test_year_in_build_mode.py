"""A year with a fork in build mode: vLLM's releases, merged by plain git without hooks.

Beside the fork stands its twin, the same but for the rules: whatever git makes of the one it must make of the
other. What the build would compile is proved to be the program that the monolith is, release by release.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.support import corpus
from tests.support.rules import full_rules
from tests.support.story import Ran, Story
from tests.workflows.test_year import resolve
from tests.workflows.world import World, elsewhere, in_function

RULES = ("attention", "paged_attention_v1", "selective_scan_fwd", "skinny_gemms", "skinny_gemms_int4")
FIRST = "v0.22.0"
SOME = ("0.24.0", "0.32.0", "0.33.0")
#: Upstream renamed it in 0.32.0: a rule that names it fits no longer.
NAMED = b'"template to_float_b16", '


def rule_path(name: str) -> str:
    return f".mergeguard/rules/{name}.toml"


def rule_text(name: str) -> bytes:
    text = full_rules()[f"vllm/{name}.toml"].replace(b"monolith =", b'mode = "build"\nmonolith =', 1)
    return text.replace(b'"template *", ', NAMED + b'"template *", ') if name == "attention" else text


def monoliths(world: World) -> dict[str, Path]:
    """Where the monoliths of the rules are in the work tree now, by rule."""
    found = ((name, next((world.root / "csrc").rglob(f"{name}.cu"), None)) for name in RULES)
    return {name: path for name, path in found if path is not None}


def edit(world: World, line: bytes) -> None:
    """One more edit of the fork's in each monolith: a statement, and a comment above a function."""
    for path in monoliths(world).values():
        path.write_bytes(elsewhere(in_function(path.read_bytes(), b"fork: " + line), b"fork: " + line))
    world.git("commit", "-q", "-am", line.decode())


def without_names(text: bytes) -> bytes:
    """A text whose conflict markers name no commits: those of the twin are others."""
    return re.sub(rb"^([<|>]{7}) [^\n]*", rb"\1", text, flags=re.MULTILINE)


def take_in(world: World, how: str, release: str) -> list[dict[str, bytes]]:
    """Merge or rebase with plain git; what each stop asked of a person, by path."""
    asked = []
    world.git(how, *(["--no-edit"] if how == "merge" else []), f"v{release}", ok=False)
    while unmerged := world.out("diff", "--name-only", "--diff-filter=U").split():
        asked.append({path: without_names((world.root / path).read_bytes()) for path in unmerged})
        resolve(world, how)
        world.git("-c", "core.editor=true", how, "--continue", ok=False)
    assert world.out("status", "--porcelain") == ""
    if not (world.root / "csrc/attention/attention_kernels.cuh").exists():
        # Upstream has deleted a file that the fork has edited and keeps: it needs what went with it.
        world.git("checkout", FIRST, "--", "csrc/attention/*.cuh", "csrc/attention/*.h")
        world.git("commit", "-q", "-m", "headers of the file that was kept")
    return asked


def generate(story: Story, out: Path, *options: str) -> Ran:
    return story.run("generate", "--out", str(out), *options)


def test_a_year_of_plain_git(tmp_path: Path, all_releases: bool):
    versions = [v for v in corpus.all_versions() if "0.22.0" <= v <= "0.33.0"] if all_releases else SOME
    releases = [version for version in versions if version != "0.22.0"]
    world = World(corpus.repository(("0.22.0", *releases), tmp_path / "fork"))
    story = Story(world.root, world.root)
    world.git("checkout", "-q", "-b", "twin", FIRST)
    world.git("checkout", "-q", "-b", "fork")
    for name in RULES:
        story.write(rule_path(name), rule_text(name))
    story.commits("rules")
    conflicts = mended = 0
    for number, release in enumerate(releases):
        how = ("merge", "rebase")[number % 2]
        asked = {}
        for branch in ("twin", "fork"):
            world.git("checkout", "-q", branch)
            edit(world, f"before {release}".encode())
            asked[branch] = take_in(world, how, release)
        assert asked["fork"] == asked["twin"]
        conflicts += len(asked["fork"])
        assert world.out("diff", "--name-only", "twin", "fork", "--", ":!.mergeguard") == ""
        if not assert_what_the_build_makes(world, story, tmp_path / "out"):
            mended += 1
            story.write(rule_path("attention"), rule_text("attention").replace(NAMED, b""))
            story.commits("a rule that fits again")
            assert assert_what_the_build_makes(world, story, tmp_path / "out")
    assert conflicts and mended == 1, "else the year shows nothing"


def assert_what_the_build_makes(world: World, story: Story, out: Path) -> bool:
    """Each layout is the monolith's program; a rule that does not fit is named wherever one could meet it,
    and the build still has the monolith. Whether all fit."""
    here = monoliths(world)
    named = NAMED in (world.root / rule_path("attention")).read_bytes()
    fits = not named or "attention" not in here or b"to_float_b16" in here["attention"].read_bytes()
    verified, checked = story.run("verify"), story.run("check")
    for name in here:
        proved = f"{name}: same program" in verified.out
        assert proved == (fits or name != "attention"), verified.out
    assert verified.code == int(not fits), verified.out
    # (A kept file whose headers upstream has moved away is a warning, and rightly so.)
    assert any(line.startswith("error") for line in checked.out.splitlines()) == (not fits), checked.out
    made = generate(story, out, "--fallback")
    assert made.code == 0
    assert len(made.out.splitlines()) > 2 * len(here) - 1
    assert ("compiled whole" in made.err) == (not fits)
    if not fits:
        assert "to_float_b16" in checked.out and "attention: no proof" in verified.out
        assert '#include "' in (out / "csrc/rocm/attention.cu").read_text()
        refused = generate(story, out)
        assert (refused.code, "to_float_b16" in refused.err) == (2, True)
    return fits
