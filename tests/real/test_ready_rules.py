"""The ready rules of rules/ but vLLM's, held to the laws on releases of their projects.

Ordinarily one rule of each set on the newest release that its project had when the rules were made; with
``--all-releases`` all on every release that PyPI has as a source distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare, failures
from tests.support import corpus, layouts, projects


@dataclass(frozen=True)
class Ready:
    """A set of rules: the project on PyPI, the newest release, where upstream's tree is in it."""

    project: str
    newest: str
    root: str = ""
    large: bool = False  # too large a download for an ordinary run


SETS = {
    "causal-conv1d": Ready("causal-conv1d", "1.7.0"),
    "deepspeed": Ready("deepspeed", "0.19.8"),
    "lightgbm": Ready("lightgbm", "4.7.0"),
    "llama.cpp": Ready("llama-cpp-python", "0.3.36", "vendor/llama.cpp", large=True),
}


def test_each_set_is_known():
    folders = {path.name for path in (layouts.ROOT / "rules").iterdir() if path.is_dir()}
    assert folders == {*SETS, "vllm", "vllm-thin"}


def test_thin_attention_holds_the_laws(pytestconfig):
    """By the ratio of heads, each launcher instantiated for what the file calls it with."""
    everything = pytestconfig.getoption("--all-releases")
    path = layouts.ROOT / "rules" / "vllm-thin" / "attention_by_ratio.toml"
    found = corpus.releases_with("attention", None if everything else ["0.30.0"])
    held = [_holds(path, corpus.require(version)) for version, _ in found]
    assert held
    assert all(held)


@pytest.mark.parametrize("name", SETS)
def test_a_set_holds_the_laws(name, pytestconfig):
    ready = SETS[name]
    everything = pytestconfig.getoption("--all-releases")
    if ready.large and not everything:
        pytest.skip("a large download: with --all-releases")
    rules = sorted((layouts.ROOT / "rules" / name).glob("*.toml"))[: None if everything else 1]
    held = 0
    for version in corpus.source_releases(ready.project) if everything else (ready.newest,):
        try:
            root = projects.release(ready.project, version) / ready.root
        except corpus.CorpusError as error:
            if not everything:
                pytest.skip(str(error))
            continue
        held += sum(_holds(rule, root) for rule in rules)
    assert held >= len(rules)


def _holds(path: Path, root: Path) -> bool:
    """Whether the tree has the rule's monolith, which then is split, unsplit and proved by tokens."""
    rule = parse_rule(path.read_bytes(), path.name)
    found = next((p for p in rule.paths() if (root / p).is_file()), None)
    if found is None:
        return False
    text = (root / found).read_bytes()
    layout = split(rule, path.stem, found, text)
    files = {f.path: f.text for f in layout.files}
    assert unsplit(layout, files, lambda t: split(rule, path.stem, found, t)).monolith == text
    units = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
    assert not failures(compare(found, text, units)), (path, root)
    return True
