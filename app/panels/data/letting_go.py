"""Letting go of an upload: its bytes, which Streamlit keeps as long as the tab is open, and what reading it took."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Sequence

import pyarrow as pa
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx


def drop_files(ids: Sequence[str]) -> None:
    """Free the bytes of files that lay on an uploader which is gone; a later drop is a file of its own."""
    context = get_script_run_ctx()
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for one in ids:
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=one)


def free() -> None:
    """Hand what is no longer used back to the system; without this it stays with the process for later reads."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has none
        if trim is not None:
            trim(0)
