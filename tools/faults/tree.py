"""A copy of the working tree, in which one fault stands at a time; the tree itself is never touched."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.faults.fault import Fault


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """What git holds or would take of the tree at `root`, in a temporary folder, for as long as the block runs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory(prefix="convncf-faults-") as folder:
        tree = Path(folder) / "tree"
        for name in dict.fromkeys(filter(None, listed.stdout.split("\0"))):
            if (root / name).exists():  # one that was deleted stays listed until that is committed
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, tree / name, follow_symlinks=False)
        yield tree


@contextmanager
def part_of(fault: Fault, tree: Path) -> Iterator[None]:
    """The fault in the copy while the block runs. Raises NotApplicableError before anything is changed."""
    path = tree / fault.file
    wrong, right = fault.into(tree), path.read_text(encoding="utf-8")
    try:
        _write(path, wrong)
        yield
    finally:
        _write(path, right)


def _write(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    # compiled files are known by the second and the size: a change within one second would not be seen
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
