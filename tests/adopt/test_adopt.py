"""adopt: every line of a hand-made split is upstream's, an edit, glue, or reported; none is lost."""

from __future__ import annotations

import pytest

from mergeguard.adopt.adopt import adopt, compare
from mergeguard.adopt.model import AdoptedAs
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from tests.support import corpus, handmade
from tests.support.forks import COMPILE
from tests.support.handmade import ENTRY, FOLDER
from tests.support.rules import full_rules

KERNEL, LAUNCH, DISPATCH = FOLDER + "kernel.cuh", FOLDER + "launch.h", FOLDER + "dispatch.cuh"
RULE = parse_rule(full_rules()["vllm/skinny_gemms.toml"], "skinny_gemms.toml")
MONOLITH = (COMPILE / ENTRY).read_bytes()


def edited(*edits):
    """The hand-made files with (path, old, new) changes made to them."""
    files = handmade.files(MONOLITH)
    for path, old, new in edits:
        assert files[path].count(old.encode()) == 1, (path, old)
        files[path] = files[path].replace(old.encode(), new.encode())
    return files


def adopted(*edits):
    return adopt(RULE, ENTRY, MONOLITH, edited(*edits))


def expected(*edits):
    text = MONOLITH.decode()
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def fates(found, *wanted):
    return [(t.path.rsplit("/", 1)[-1], t.item, t.fate) for t in found.of(*wanted)]


def test_a_pure_split_has_no_edits():
    found = adopted()
    assert found.monolith == MONOLITH
    assert not found.of(AdoptedAs.EDITED, AdoptedAs.ADDED, AdoptedAs.REMOVED, AdoptedAs.UNPLACED)
    apart = {(t.path, t.item) for t in found.of(AdoptedAs.TAKEN_APART)}
    assert apart == {(ENTRY, "wvSplitK"), (DISPATCH, "wvSplitK_launch")}
    glue = {(t.path, t.reason) for t in found.of(AdoptedAs.GLUE)}
    assert (LAUNCH, "include guard") in glue
    assert (LAUNCH, "forward declaration") in glue
    assert (FOLDER + "instantiate_n3.cu", "explicit instantiation") in glue
    assert (DISPATCH, "includes a file of the split") in glue


EDITS = {
    "in a moved function": ((KERNEL, "int waves = div2;", "int waves = div2 + 0;"),),
    "in a kernel": ((KERNEL, "sum + YTILE * 8 + N", "sum + YTILE * 8 - N"),),
    "in the entry": ((ENTRY, "N == 1, \"one activation", "N <= 1, \"one activation"),),
    "in the macro that was taken apart": ((DISPATCH, "max_lds_len * 1.2)  ", "max_lds_len * 1.5)  "),),
    "a line added to what was taken apart": (
        (ENTRY, '  TORCH_CHECK(K_in % 8 == 0, "k % 8 == 0");\n', '  TORCH_CHECK(K_in % 8 == 0, "k % 8 == 0");\n  TORCH_CHECK(M_in > 0);\n'),  # noqa: E501
    ),
    "a line removed from what was taken apart": ((ENTRY, '  TORCH_CHECK(K_in % 8 == 0, "k % 8 == 0");\n', ""),),  # noqa: E501
    "a comment": ((KERNEL, "// Everything fits into LDS.\n", "// Everything fits into LDS.\n// Measured.\n"),),  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_an_edit_of_the_monolith(edits):
    found = adopted(*edits)
    assert found.monolith.decode() == expected(*((old, new) for _, old, new in edits))
    assert not found.unplaced
    assert len(found.of(AdoptedAs.EDITED)) == 1


def test_in_the_lambda_that_was_taken_apart():
    found = adopted(
        (DISPATCH, "    int sYT = (M_in + CuCount * 4 - 1)", "    int sYT = 1 + (M_in + CuCount * 4 - 1)")
    )
    assert b"int sYT = 1 + (M_in" in found.monolith and not found.unplaced


def test_linkage_words_wrapping_and_comments_left_behind_are_no_edits():
    found = adopted(
        (KERNEL, "__device__ inline unsigned int min__(uint32_t a, uint32_t b) {", "__device__ inline unsigned int\nmin__(uint32_t a,\n      uint32_t b) {"),  # noqa: E501
        (KERNEL, "// The fewest waves (at most div2) that need no further round over N rows.\n", ""),
    )  # fmt: skip
    assert found.monolith == MONOLITH
    assert not found.of(AdoptedAs.EDITED, AdoptedAs.UNPLACED)


def test_a_new_function_goes_after_its_neighbour():
    helper = "int local_helper(int x) { return x + 1; }\n\n"
    found = adopted((KERNEL, "// The fewest waves", helper + "// The fewest waves"))
    assert fates(found, AdoptedAs.ADDED) == [("kernel.cuh", "local_helper", AdoptedAs.ADDED)]
    text = found.monolith.decode()
    assert (
        text.replace("int local_helper(int x) { return x + 1; }\n", "").split() == MONOLITH.decode().split()
    )
    assert text.index("wvSplitK_hf_big_(") < text.index("local_helper") < text.index("int mindiv(")


def test_a_new_include():
    found = adopted((KERNEL, "#include <algorithm>\n", "#include <algorithm>\n#include <cstdint>\n"))
    assert found.monolith.decode() == expected(
        ("#include <algorithm>\n", "#include <algorithm>\n#include <cstdint>\n")
    )


def test_a_new_include_of_a_file_beside_is_spelled_from_the_monolith():
    found = adopted((KERNEL, '"../../cuda_compat.h"\n', '"../../cuda_compat.h"\n#include "../more.h"\n'))
    assert '#include "../cuda_compat.h"\n#include "more.h"\n' in found.monolith.decode()


def test_a_removed_declaration():
    files = edited()
    start = files[ENTRY].index(b"template <typename scalar_t, int THRDS, int N>\n__global__ void wvSplitKrc_")
    end = files[ENTRY].index(b"#else", start)
    files[ENTRY] = files[ENTRY][:start] + files[ENTRY][end:]
    found = adopt(RULE, ENTRY, MONOLITH, files)
    assert [t.item for t in found.of(AdoptedAs.REMOVED)] == ["wvSplitKrc_"]
    assert found.monolith.count(b"void wvSplitKrc_(") == 1


def test_a_renamed_kernel_is_matched_by_similarity():
    files = {p: t.replace(b"LLGemm1_kernel", b"LLGemm1_mine") for p, t in edited().items()}
    found = adopt(RULE, ENTRY, MONOLITH, files)
    assert found.monolith == MONOLITH.replace(b"LLGemm1_kernel", b"LLGemm1_mine")
    assert not found.of(AdoptedAs.REMOVED, AdoptedAs.ADDED, AdoptedAs.UNPLACED)


UNPLACED = {
    "a new arm": (ENTRY, "    case 5:\n", "    case 6:\n      wvSplitK_launch<6>(in_a);\n      break;\n    case 5:\n"),  # noqa: E501
    "another condition": (KERNEL, "#if defined(__HIP__GFX9__) || defined(__HIP__GFX1X__)\n// Nothing fits.", "#if defined(__HIP__GFX9__)\n// Nothing fits."),  # noqa: E501
    "a second version": (LAUNCH, "// Defined in", "inline int mindiv(int a, int b, int c) { return a; }\n\n// Defined in"),  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize("edit", UNPLACED.values(), ids=UNPLACED.keys())
def test_what_is_not_certain_is_reported(edit):
    found = adopted(edit)
    assert found.unplaced
    assert all(t.reason for t in found.unplaced)


def test_no_line_that_somebody_adds_is_lost():
    """Wherever a statement is put in: it is in the monolith, or shown with what can't be placed or is glue."""  # noqa: E501
    files = edited()
    marker = b"  mg_marker(1);"
    found = {}
    for path, text in files.items():
        lines = text.splitlines(keepends=True)
        for at in range(0, len(lines), 17):
            continued = b" \\\n" if lines[at].rstrip().endswith(b"\\") else b"\n"
            changed = b"".join([*lines[: at + 1], marker + continued, *lines[at + 1 :]])
            result = adopt(RULE, ENTRY, MONOLITH, {**files, path: changed})
            shown = any(marker in t.text for t in result.taken)
            found[path, at] = marker in result.monolith or shown or bool(result.unplaced)
    assert len(found) > 30
    assert [place for place, kept in found.items() if not kept] == []


def test_the_default_arm_keeps_its_edits():
    found = adopted((ENTRY, '"Unsupported N value: " + std::to_string(M_in) + "," +\n          std::to_string(K_in) + "," + std::to_string(N_in));\n  }', '"Unsupported local N: " + std::to_string(M_in) + "," +\n          std::to_string(K_in) + "," + std::to_string(N_in));\n  }'))  # fmt: skip  # noqa: E501
    assert not found.unplaced
    assert found.monolith.count(b"Unsupported local N: ") == 1


@pytest.mark.parametrize("version", ["0.26.0", "0.30.0"])
def test_a_real_file(version):
    monolith = corpus.file(version, ENTRY)
    files = handmade.files(monolith)
    assert adopt(RULE, ENTRY, monolith, files).monolith == monolith
    old, new = b"    rnds[i] = (N + nPrRnd - 1) / nPrRnd;", b"    rnds[i] = (N + nPrRnd) / nPrRnd;"
    files[KERNEL] = files[KERNEL].replace(old, new)
    found = adopt(RULE, ENTRY, monolith, files)
    assert found.monolith == monolith.replace(old, new)
    assert [t.item for t in found.of(AdoptedAs.EDITED)] == ["mindiv"]
    assert not found.unplaced


@pytest.mark.parametrize(
    "name",
    ["attention", "paged_attention_v1", "selective_scan_fwd", "skinny_gemms", "skinny_gemms_int4", "skinny_gemms_int8"],  # noqa: E501
)  # fmt: skip
def test_a_guarded_body_is_told_from_the_function(name):
    """Splits by macros and `#if` around arms, by if-chains, by instantiation: the layouts that rules make."""
    rule = parse_rule(full_rules()[f"vllm/{name}.toml"], f"{name}.toml")
    path = next(p for p in rule.paths() if (COMPILE / p).exists())
    monolith = (COMPILE / path).read_bytes()
    files = {file.path: file.text for file in split(rule, name, path, monolith).files}
    found = adopt(rule, path, monolith, files)
    assert found.monolith == monolith
    assert not found.of(AdoptedAs.EDITED, AdoptedAs.ADDED, AdoptedAs.REMOVED, AdoptedAs.UNPLACED)


def test_two_copies_edited_differently_are_reported():
    files = edited()
    piece = files[DISPATCH].replace(b"wvSplitK_launch", b"wvSplitK_other").replace(b"* 1.2)  ", b"* 1.7)  ")
    files[FOLDER + "other.cuh"] = piece
    found = adopt(RULE, ENTRY, MONOLITH, files)
    assert found.unplaced


def test_the_entry_missing_is_reported():
    files = edited()
    files[ENTRY] = files[ENTRY].replace(b"torch::Tensor wvSplitK(const", b"torch::Tensor renamed(const")
    start = files[ENTRY].index(b"torch::Tensor renamed(")
    end = files[ENTRY].index(b"// Reduction through")
    files[ENTRY] = files[ENTRY][:start] + files[ENTRY][end:]
    found = adopt(RULE, ENTRY, MONOLITH, files)
    assert "wvSplitK" in {t.item for t in found.unplaced}


def test_line_numbers_are_those_of_the_files():
    files = edited((KERNEL, "int waves = div2;", "int waves = div2 + 0;"))
    found = adopt(RULE, ENTRY, MONOLITH, files)
    for taken in found.taken:
        if (
            taken.item
            and taken.fate in (AdoptedAs.UPSTREAM, AdoptedAs.EDITED)
            and not taken.item.startswith(('"', "<", "#"))
        ):
            rest = b"\n".join(files[taken.path].split(b"\n")[taken.line - 1 :])
            assert taken.item.rsplit("::")[-1].encode() in rest[:1200]


def test_the_comparison_names_what_is_missing():
    files = edited()
    glue = adopt(RULE, ENTRY, MONOLITH, files).of(AdoptedAs.GLUE, AdoptedAs.TAKEN_APART)
    assert compare(files, [MONOLITH], glue) == ()
    without = MONOLITH.replace(b"bool on_gfx12()", b"bool on_gfx13()")
    assert compare(files, [without], glue) == (f"{KERNEL}: on_gfx12",)
