"""Paths are typed as for git: relative to the folder one is in; from the root they work as well."""

from __future__ import annotations

import pytest

from tests.support.story import PAGED, SKINNY, Story


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return Story.begin(tmp_path_factory.mktemp("paths"), "paged_attention_v1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("where", "{}/dispatch.cuh:12"),
        ("where", "--monolith", "{}.cu:12"),
        ("unsplit", "{}.cu"),
        ("unsplit", "{}/dispatch.cuh"),
    ],
    ids=" ".join,
)
def test_a_file_of_a_layout(story, arguments):
    ran = story.run(*(part.format(PAGED) for part in arguments))
    assert ran.code == 0
    folder, _, name = PAGED.rpartition("/")
    for way in (name, f"./{name}", f"../{folder.rpartition('/')[2]}/{name}", story.fork / PAGED):
        assert story.run(*(part.format(way) for part in arguments), cwd=story.fork / folder) == ran


def test_a_file_to_split(story):
    ran = story.run("init", "--dry-run", "skinny_gemms.cu", cwd=(story.fork / SKINNY).parent)
    assert ran.code == 0, ran.err
    assert f'monolith = "{SKINNY}.cu"' in ran.out
