"""Memory of the server: long-lived objects are excluded from garbage collection, and uploads are freed.

A collection walks through every object of the process and holds the interpreter meanwhile; with torch, pandas and
Plotly loaded that takes longer than drawing a page (docs/pages.md).
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Sequence

import pyarrow as pa
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

_loaded_modules = 0
"""Number of modules that were loaded when objects were last set aside."""


def set_aside() -> None:
    """Once new modules have been loaded: collect, then exclude every live object from later collections.

    Reference counts still free them; only a cycle made before this would stay.
    """
    global _loaded_modules
    if len(sys.modules) != _loaded_modules:
        gc.collect()
        gc.freeze()
        _loaded_modules = len(sys.modules)


def drop_files(ids: Sequence[str]) -> None:
    """Free the bytes of files of an uploader that is gone; a file dropped later has an id of its own."""
    context = get_script_run_ctx()
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for file_id in ids:
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file_id)


def free() -> None:
    """Return unused memory to the system; without this the process keeps it for later reads."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has none
        if trim is not None:
            trim(0)
