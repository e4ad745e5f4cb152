"""The build lists of a fork in whatever language its build speaks: found, edited, merged and given back."""

from __future__ import annotations

import pytest

from tests.support.story import INT4, Story, git

RULE = ".mergeguard/rules/skinny_gemms_int4.toml"
CU = "skinny_gemms_int4.cu"
FILES = {
    "csrc/rocm/CMakeLists.txt": f"target_sources(_rocm PRIVATE\n  {CU}\n  other.cu)\n",
    "cmake/rocm.cmake": f'set(DIR ${{CMAKE_SOURCE_DIR}}/csrc)\nset(S "${{DIR}}/rocm/{CU}" other.cu)\n',
    "setup.py": f'ext = CUDAExtension("x", sources=[\n    "csrc/rocm/{CU}",\n    "other.cu",\n])\n',
    "pyproject.toml": f'[[tool.setuptools.ext-modules]]\nsources = ["csrc/rocm/{CU}", "other.cu"]\n',
    "csrc/rocm/BUILD.bazel": f'x(\n    srcs = [\n        "{CU}",\n        "other.cu",\n    ],\n)\n',
    "meson.build": f"library('x', 'csrc/rocm/{CU}', 'other.cu')\n",
    "Makefile": f"SRCS := csrc/rocm/{CU} \\\n\tother.cu\nall: $(SRCS)\n",
}


def begin(folder, path, text):
    """A fork whose one build file is this."""
    story = Story.begin(folder, "skinny_gemms_int4", split=False)
    (story.upstream / "CMakeLists.txt").unlink()
    (story.upstream / path).parent.mkdir(exist_ok=True)
    (story.upstream / path).write_text(text)
    story.upstream_commits("its build")
    story.fetch()
    story.commits("the rule")
    git(story.fork, "merge", "-q", "-m", "its build", "upstream/main")
    return story


@pytest.mark.parametrize("path", FILES)
def test_shards_are_listed_followed_and_gone_again(tmp_path, path):
    before = FILES[path]
    story = begin(tmp_path, path, before)
    ran = story.run("split")
    assert ran.code == 0, ran.out
    story.commits("split")
    listed = story.text(path)
    shards = sorted(p.name for p in (story.fork / INT4).glob("*.cu"))
    assert len(shards) > 3 and all(listed.count(f"skinny_gemms_int4/{shard}") == 1 for shard in shards)
    assert story.run("check").code == 0

    after = before.replace("other.cu", "another.cu")
    (story.upstream / path).write_text(after)
    story.edit(f"{INT4}.cu", "static int mindiv_int4(", "static  int mindiv_int4(", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 0, ran.out + ran.err
    assert "another.cu" in story.text(path) and story.run("check").code == 0
    assert story.run("leave", "skinny_gemms_int4").code == 0
    assert story.text(path) == after


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("Makefile", "x.o: csrc/rocm/skinny_gemms_int4.cu\n\tnvcc -c $< -o $@\n", 1),
        ("setup.py", 'import os\nSRC = "csrc/rocm/skinny_gemms_int4.cu"\n', 2),
    ],
)
def test_what_can_not_be_edited_is_named_and_red_until_a_person_lists_it(tmp_path, path, text, line):
    story = begin(tmp_path, path, text)
    ran = story.run("split")
    assert ran.code == 1 and f"{path}:{line} names the file" in ran.out
    assert story.text(path) == text
    story.commits("split")
    red = story.run("check")
    assert red.code == 1 and "no build file lists this unit" in red.out and f"{path}:{line}" in red.out
    units = [f"{INT4}.cu", *(str(p.relative_to(story.fork)) for p in (story.fork / INT4).glob("*.cu"))]
    listed = "SRCS = " + " ".join(units) if path == "Makefile" else f"SRCS = {units!r}"
    story.write(path, f"{text}{listed}\n".encode())
    story.commits("listed by hand")
    green = story.run("check")
    assert green.code == 0, green.out


def test_no_build_file_on_purpose(tmp_path):
    story = begin(tmp_path, "README", "no build\n")
    assert story.run("split").code == 1
    story.commits("split")
    red = story.run("check")
    assert (red.code, red.out.count("`build = []` in the rule")) == (1, 1)
    story.write(RULE, b"build = []\n" + (story.fork / RULE).read_bytes())
    said = story.run("check")
    assert said.code == 0 and "`mergeguard split skinny_gemms_int4`" in said.out
    assert story.run("split").code == 0
    story.commits("on purpose")
    assert story.run("check").code == 0


def test_a_rule_whose_monolith_is_nowhere_is_named(tmp_path):
    story = begin(tmp_path, "README", "no build\n")
    text = (story.fork / RULE).read_text()
    story.write(RULE, text.replace(f"csrc/rocm/{CU}", f"rocm/{CU}").encode())
    said = story.run("split")
    assert said.code == 2
    assert f"{RULE}: the monolith of skinny_gemms_int4 is not in this tree (looked for rocm/{CU})" in said.err
