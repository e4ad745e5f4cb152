"""What upstream does to the pull request's files once its layouts are adopted: in place, or a few lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.replay.__main__ import sizes_of
from mergeguard.adopt.model import Keep
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import REGULAR, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.treemerge.trees import merge_trees
from mergeguard.verbs import adopting
from tests.adopt.test_account import MONOLITH, PATH, RULE_TEXT, hand_made
from tests.adopt.test_real_layouts import RULES, layout
from tests.git.conftest import Sandbox
from tests.support.rules import full_rules

LARGEST = 10  # lines of a conflict
HELPER = r"__device__ inline float twice(float x) {\n  return 2 * x;\n}\n\n"

# By layout: what upstream changes, as a pattern that is found once or more (the first counts) and its text.
EDITS = {
    "ours": {
        "a constant": (r"\* 2;", r"* 4;"),
        "a new arm": (r"(    default:)", r"    case 3:\n      LAUNCH_ROWS(3)\n      break;\n\1"),
        "a helper of the kernel's": (
            r"(#if defined\(FAST\)[^\0]*?)(\n  int at)",
            HELPER + r"\1\n  const float both = twice(1.0f);\2",
        ),
        "beside the fork's": (r"n must be positive", r"n must be more than 0"),
        "the fork's own line": (r"(void scale\(float\* out, const float\* in, )int n", r"\1long n"),
    },
    "attention": {
        "a constant": (r"(T_PAR_SIZE = )256", r"\g<1>512"),
        "a new arm": (
            r'(\n  \} else if \(kv_cache_dtype == "fp8")',
            r'\n  } else if (kv_cache_dtype == "x") {\n    use(8);\1',
        ),
        "a helper of the kernel's": (
            r"(// grid \(num_seqs[^\0]*?)(\n  constexpr int T_PAR_SIZE)",
            HELPER + r"\1\n  const float both = twice(1.0f);\2",
        ),
        "beside the fork's": (r"(#include <ATen/cuda/CUDAContext.h>\n)", r"\1#include <c10/util/Half.h>\n"),
        "the fork's own line": (
            r"(\ntemplate <typename T, typename KVT, )",
            r"\ntemplate <class T, typename KVT, ",
        ),
    },
    "int8": {
        "a constant": (r"(#define LDS_SIZE )64", r"\g<1>32"),
        "a new arm": (
            r"(        break;\n)(      default:)",
            r"\1      case 6:\n        WVSPLIT_INT8_TILE(sYT, 6)\n        break;\n\2",
        ),
        "a helper of the kernel's": (
            r"(// W8A16 skinny[^\0]*?)(\n  constexpr int max_lds_len)",
            HELPER + r"\1\n  const float both = twice(1.0f);\2",
        ),
        "beside the fork's": (
            r"(int WvPrGrp, int A_CHUNK,\n          )(int UNRL)",
            r"unsigned WvPrGrp, int A_CHUNK,\n          \2",
        ),
        "the fork's own line": (r"(sum\[n\]\[i\] \*= __s2float\(scale\[m \+ i\]\))", r"\1 * 2.0f"),
    },
    "v1": {
        "a constant": (r"(int NUM_THREADS = )128", r"\g<1>256"),
        "a new arm": (
            r"(    case 256:)",
            r"    case 160:\n      LAUNCH_PAGED_ATTENTION_V1(160);\n      break;\n\1",
        ),
        "a helper of the kernel's": (
            r"(\ntemplate <typename T, typename CACHE_T, int BLOCK_SIZE,[^\0]*?)(\n  int num_heads)",
            r"\n" + HELPER + r"\1\n  const float both = twice(1.0f);\2",
        ),
        "beside the fork's": (r"(\n  const int NUM_WARPS)", r"\n  check_scales(k_scale_ptr);\1"),
        "the fork's own line": (r"(  const float\* k_scale_ptr = reinterpret_cast<const )float", r"\1double"),
    },
}
KINDS = ("a constant", "a new arm", "a helper of the kernel's", "beside the fork's", "the fork's own line")
WAYS = [("attention", None), ("int8", Keep.UPSTREAM), ("int8", Keep.FORK), ("v1", Keep.UPSTREAM)]


@dataclass
class Adopted:
    """A fork with a layout adopted: its commit, upstream's, and upstream's file."""

    repository: Repository
    rule: str
    path: str
    upstreams: bytes
    base: str
    fork: str

    @classmethod
    def of(
        cls,
        root: Path,
        rule: str,
        path: str,
        upstreams: bytes,
        files: Mapping[str, bytes],
        rule_text: bytes,
        keep: Keep | None,
    ) -> Adopted:
        sandbox = Sandbox(root)
        listed = f'add_library(x\n    "{path}"\n)\n'
        base = sandbox.commit_files({path: upstreams, "CMakeLists.txt": listed})
        sandbox.git("update-ref", "refs/remotes/upstream/main", "HEAD")
        sandbox.commit_files({**files, f".mergeguard/rules/{rule}.toml": rule_text})
        fork = Fork.open(str(sandbox.root))
        adopting.stage(fork, adopting.adopted(fork, rule, keep=keep))
        sandbox.git("commit", "-q", "-m", "adopt")
        return cls(fork.repository, rule, path, upstreams, base, fork.repository.resolve("HEAD"))

    def monolith(self, tree: str) -> bytes:
        there = Workspace.load(self.repository, tree, lenient=True)
        return there.unsplit(there.rule(self.rule)).monolith

    def hold(self, pattern: str, new: str) -> None:
        """Upstream's edit is where git has it in one file, or a conflict that is small (and git has one)."""
        repository = self.repository
        edited, found = re.subn(pattern.encode(), new.encode(), self.upstreams, count=1)
        assert found == 1 and edited != self.upstreams
        changed = {self.path: Entry(REGULAR, repository.write_blob(edited))}
        tree = repository.edit_tree(repository.tree_of(self.base), changed)
        theirs = repository.commit_object(tree, (self.base,), "edit\n")
        outcome = merge_trees(repository, (self.base,), self.fork, theirs, placed=False)
        mine = self.monolith(repository.tree_of(self.fork))
        wanted, conflicts = repository.merge_file(self.upstreams, mine, edited)
        if outcome.stages:
            assert conflicts, "git merges it clean in one file"
            texts = [repository.read_blob(entry.oid) for _, entry in repository.objects.walk(outcome.tree)]
            assert sum(size for text in texts for size in sizes_of(text)) <= LARGEST
        elif conflicts:
            assert self.monolith(outcome.tree) not in (mine, edited)
        else:
            assert self.monolith(outcome.tree) == wanted


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: "-".join(filter(None, way)))
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Adopted]:
    name, keep = request.param
    path, upstreams, files = layout(name)
    rule = RULES[name]
    text = full_rules()[f"vllm/{rule}.toml"]
    root = tmp_path_factory.mktemp(name) / "fork"
    return name, Adopted.of(root, rule, path, upstreams, files, text, keep)


@pytest.fixture(scope="module", params=Keep)
def ours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    root = tmp_path_factory.mktemp("ours") / "fork"
    return Adopted.of(root, "scale", PATH, MONOLITH, hand_made(), RULE_TEXT, request.param)


@pytest.mark.parametrize("what", KINDS)
def test_upstreams_edit_of_the_pull_requests_files(real: tuple[str, Adopted], what: str) -> None:
    name, made = real
    made.hold(*EDITS[name][what])


@pytest.mark.parametrize("what", KINDS)
def test_upstreams_edit_of_a_file_of_that_shape(ours: Adopted, what: str) -> None:
    ours.hold(*EDITS["ours"][what])
