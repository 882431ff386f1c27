"""An upload that was saved or discarded is given back."""

from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from app.ui import memory


def test_the_bytes_of_the_files_named_are_freed_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("/upload")
    for session, file in (("mine", "a"), ("mine", "b"), ("another's", "a")):
        manager.add_file(session, UploadedFileRec(file, f"{file}.csv", "text/csv", b"user,item\n"))
    context = SimpleNamespace(session_id="mine", uploaded_file_mgr=manager)
    monkeypatch.setattr(memory, "get_script_run_ctx", lambda: context)
    memory.drop_files(["a", "never there"])
    assert [file.file_id for file in manager.get_files("mine", ["a", "b"])] == ["b"]
    assert [file.file_id for file in manager.get_files("another's", ["a"])] == ["a"]


def test_without_a_session_or_with_another_store_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    for context in (None, SimpleNamespace(session_id="mine", uploaded_file_mgr=object())):
        monkeypatch.setattr(memory, "get_script_run_ctx", lambda context=context: context)
        memory.drop_files(["a"])


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_memory_is_handed_back_where_the_system_takes_it(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    memory.free()


def test_a_system_without_trimming_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    memory.free()
