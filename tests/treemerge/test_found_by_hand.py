"""Which files belong to a split made by hand: also those that the entry neither includes nor names."""

from __future__ import annotations

from pathlib import Path

from mergeguard.fork.fork import Fork
from mergeguard.treemerge import handmade
from tests.git.conftest import Sandbox

KERNEL = b"""template <typename T>
void scan(T* out, const T* in, int n) {
  for (int i = 1; i < n; ++i) out[i] = out[i - 1] + in[i];
}
"""
ENTRY = b"""void run(float* out, const float* in, int n) {
  scan<float>(out, in, n);
}
"""
DECLARED = b"template <typename T>\nvoid scan(T* out, const T* in, int n);\n\n"
SHARD = b'#include "kernel.h"\n\ntemplate void scan<float>(float*, const float*, int);\n'
PATH, FOLDER = "src/scan.cpp", "src/scan"
RULE = b"""schema = 1
monolith = "src/scan.cpp"

[[move]]
to = "kernel.h"
items = ["template *"]

[[instantiate]]
template = "scan"
header = "kernel.h"
rest = "float.cpp"
shards = { "float.cpp" = ["float"] }
"""


def test_a_header_that_only_shards_include_brings_them_along(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "fork")
    sandbox.commit_files({PATH: KERNEL + ENTRY})
    sandbox.git("update-ref", "refs/remotes/upstream/main", "HEAD")
    split = {PATH: DECLARED + ENTRY, f"{FOLDER}/kernel.h": KERNEL, f"{FOLDER}/float.cpp": SHARD}
    sandbox.commit_files({**split, "src/other.cpp": b"int other() { return 1; }\n"})
    sandbox.commit_files({".mergeguard/rules/scan.toml": RULE})
    fork = Fork.open(str(sandbox.root))
    workspace = fork.staged()
    made = handmade.find(workspace, workspace.rule("scan"), handmade.known_base(fork))
    assert made is not None
    assert {file.path for file in made.files} == {PATH, f"{FOLDER}/kernel.h", f"{FOLDER}/float.cpp"}
