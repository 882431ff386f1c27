"""A fault: one small change of one file, and what would go wrong for a user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class NotApplicableError(Exception):
    """The text that a fault changes is not in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A change that some test must notice."""

    name: str
    """Different from all others."""
    room: str
    """Where in the house it is: data, models, app."""
    what: str
    """What would go wrong for a user, a sentence."""
    file: str
    """The file that is changed, from the repository's root."""
    old: str
    """Text that stands in it exactly once."""
    new: str
    """What stands there instead."""
    tests: tuple[str, ...]
    """Test files that are expected to notice: for speed alone, `--whole` runs every test."""

    def into(self, root: Path) -> str:
        """The file's content with the fault in it. Raises NotApplicableError, naming the fault and what was found."""
        path = root / self.file
        if not path.is_file():
            raise NotApplicableError(f"{self.name}: {self.file} is not there. {self._elsewhere(root)}")
        content = path.read_text(encoding="utf-8")
        times = content.count(self.old)
        if times != 1:
            raise NotApplicableError(
                f"{self.name}: {self.file} holds {self.old!r} {times} times, and it must be there once. "
                f"{self._elsewhere(root)}"
            )
        return content.replace(self.old, self.new)

    def _elsewhere(self, root: Path) -> str:
        """Where the text has moved to, which is most often why it is not in its file."""
        package = root / Path(self.file).parts[0]
        found = [
            path.relative_to(root).as_posix()
            for path in sorted(package.rglob("*.py"))
            if self.old in path.read_text(encoding="utf-8")
        ]
        return f"It is in {', '.join(found)}: name that file." if found else "Say the same of the code as it is now."
