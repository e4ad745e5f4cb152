"""What was read of an edited layout before is what would be read of it now."""

from __future__ import annotations

import pytest

from mergeguard.fork.locks import Lock
from mergeguard.fork.readings import Readings
from mergeguard.lens.unsplit import unsplit
from tests.support.layouts import Case

PAGED = Case("paged_attention_v1", None)
LOCK = Lock(1, PAGED.path, "0" * 40, "0" * 40, 1)
EDITS = {
    "of the monolith": ("common.h", b"#define MAX(", b"// mine\n#define MAX("),
    "of glue": ("dispatch.cuh", b"#endif  // MG_SHARD_shard_large\n", b"#endif  // mine\n"),
    "with no home": ("shard_large.cu", b"\n", b"\nint own;\n"),
    "a file that is gone": ("shard_large.cu", None, None),
}


def files_with(layout, name, old, new):
    files: dict[str, bytes | None] = {file.path: file.text for file in layout.files}
    (path,) = (path for path in files if path.endswith(name))
    files[path] = None if old is None else layout.by_path[path].text.replace(old, new, 1)
    assert files[path] != layout.by_path[path].text
    return files


@pytest.mark.parametrize("edit", EDITS)
def test_a_kept_reading_is_the_reading(edit, tmp_path):
    layout = PAGED.split(PAGED.text)
    files = files_with(layout, *EDITS[edit])
    found = unsplit(layout, files, PAGED.split)
    assert Readings(tmp_path).get(LOCK, layout, files, PAGED.split) is None
    Readings(tmp_path).put(LOCK, layout, files, found, PAGED.split)
    again = Readings(tmp_path).get(LOCK, layout, files, PAGED.split)
    assert again == found


def test_other_files_and_another_lock_have_readings_of_their_own(tmp_path):
    layout = PAGED.split(PAGED.text)
    readings = Readings(tmp_path)
    files = files_with(layout, *EDITS["of glue"])
    readings.put(LOCK, layout, files, unsplit(layout, files, PAGED.split), PAGED.split)
    others = files_with(layout, *EDITS["with no home"])
    later = Lock(1, LOCK.monolith, "1" * 40, LOCK.rule, LOCK.emission)
    assert readings.get(LOCK, layout, others, PAGED.split) is None
    assert readings.get(later, layout, files, PAGED.split) is None


def test_a_damaged_reading_is_none(tmp_path):
    layout = PAGED.split(PAGED.text)
    files = files_with(layout, *EDITS["of the monolith"])
    readings = Readings(tmp_path)
    readings.put(LOCK, layout, files, unsplit(layout, files, PAGED.split), PAGED.split)
    (kept,) = (tmp_path / "readings").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert readings.get(LOCK, layout, files, PAGED.split) is None
