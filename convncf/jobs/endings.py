"""How a worker ends, in words: what the disk refused becomes a sentence that says what to do."""

from __future__ import annotations

import errno
import os
import shutil
from typing import Final

from convncf.errors import ConvNCFError, RunError, TrainingStopped
from convncf.runs import Run

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_CLOSED: Final = (errno.EROFS, errno.EACCES, errno.EPERM)


def in_words(error: BaseException, run: Run) -> BaseException:
    """The error itself, or a RunError in its place where the disk is at fault: full, read-only, not ours."""
    if not isinstance(error, OSError) or error.errno not in (*_FULL, *_CLOSED):
        return error
    # the library's own words may name no file, or a long path twice
    said = os.strerror(error.errno or 0)
    again = f"then convncf resume {run.name} goes on from the last saved epoch"
    where = f", writing {error.filename}" if error.filename else ""
    if error.errno in _FULL:
        return RunError(f"the disk of {run.path} is full ({said}{where}{_free(run)}). Free some space; {again}.")
    return RunError(f"{run.path} cannot be written to ({said}{where}). Make it writable for this account; {again}.")


def _free(run: Run) -> str:
    try:
        return f"; {shutil.disk_usage(run.path).free / 2**20:,.0f} MiB free now"
    except OSError:
        return ""


def state_and_words(error: BaseException) -> tuple[str, str]:
    """The last state of status.json and its sentence."""
    if isinstance(error, TrainingStopped | KeyboardInterrupt):
        return "stopped", str(error) or "interrupted at once"
    if isinstance(error, SystemExit):  # what a console raises where its pipe is closed
        return "stopped", "whoever read its output has gone; resume goes on from the last saved epoch"
    return "failed", str(error) if isinstance(error, ConvNCFError) else f"{type(error).__name__}: {error}"
