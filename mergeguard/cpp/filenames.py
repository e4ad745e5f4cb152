"""Which names are files of C, C++, CUDA and HIP: endings for ``str.endswith``."""

from __future__ import annotations

#: What is compiled by itself.
UNITS = (".cu", ".hip", ".cpp", ".cc", ".cxx", ".c")
#: What is included.
HEADERS = (".cuh", ".h", ".hh", ".hpp", ".hxx", ".inl", ".inc")
SOURCES = (*UNITS, *HEADERS)
