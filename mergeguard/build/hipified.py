"""Names that hipify gives to its copies of source files."""

from __future__ import annotations

import posixpath


def copy_names(source: str) -> tuple[str, ...]:
    """What hipify may call its copy of a source file, the likeliest first; relative paths as ``source`` is.

    After ``get_hip_file_path`` of PyTorch's ``torch/utils/hipify/hipify_python.py``: ``.cu`` becomes
    ``.hip``, cuda in folders and names becomes hip, and what would keep its name gets ``_hip`` (an
    extension's file) or a folder ``hip`` (PyTorch's own).
    """
    folder, name = posixpath.split(source)
    stem, suffix = posixpath.splitext(name)
    ending = ".hip" if suffix == ".cu" else suffix
    folders = dict.fromkeys((_to_hip(folder), folder))
    stems = dict.fromkeys((_to_hip(stem), stem))
    inside = [posixpath.join(place, "hip") for place in folders]
    found = [
        posixpath.join(place, name)
        for place in (*folders, *inside)
        for one in stems
        for name in (one + ending, f"{one}_hip{ending}", f"{one}_hip{suffix}")
    ]
    return tuple(path for path in dict.fromkeys(found) if path != source)


def _to_hip(text: str) -> str:
    for old, new in (("cuda", "hip"), ("CUDA", "HIP"), ("THC", "THH")):
        text = text.replace(old, new)
    return text
