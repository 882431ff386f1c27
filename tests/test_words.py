"""The field's words: terms that must not come back, in code, messages, help, docstrings, documents and lessons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
SAY: Final[Mapping[str, str]] = {
    r"doors?": "delimiter",
    r"gathered": "collected",
    r"pieces?": "chunk; term of a score",
    r"judge?ments?|judged": "evaluation, evaluated",
    r"served?_by|served": "by user group",
    r"in_bands|bands?": "user group",
    r"barred": "excluded",
    r"left_out|left out": "excluded; dropped",
    r"likeness(?:es)?": "similarity",
    r"glances?": "run summary",
    r"standings?": "queue position; part",
    r"owners?": "users of an item",
    r"moments?": "checkpoint",
    r"masked_scores|edit_pair|rank_edit": "counterfactual",
    r"spared?|sparing": "excluded negatives",
    r"dns_of|drawn for dns": "negative candidates",
    r"gentle\w*": "warm-up",
    r"trace[ _-]start|initialise_trace": "dot-product start",
    r"ledgers?": "dropped rows; steps",
    r"facts_of|\w+_facts|facts": "dataset statistics; metadata",
    r"came[ _]divided|comes divided": "predefined split",
    r"divided by an? (?:comma|semicolon|tab|bar|blank)": "delimiter",
    r"presence alone": "every row counts, whatever its rating",
    r"surprise(?: me)?": "random pair",
    r"take (?:it|them) along|taken along": "download, export",
    r"same in a terminal": "command line",
    r"settings leave": "filters",
    r"told apart": "no significant difference",
    r"anew": "again, from the start",
    r"whoever": "anyone who",
}
"""What is not said -> what is said in its place."""
ALLOWED: Final[Mapping[str, str]] = {
    "CHANGELOG.md": ".*",  # it says what was called otherwise
    "convncf/config/training.py": "gentle_epochs|gentle_lr|dns_of|spared",  # settings of earlier versions are read
    "convncf/config/evaluation.py": "left out",
    "convncf/models/item_similarity.py": r"likeness\w*",  # tensors of earlier versions are read
    "convncf/runs/tensors.py": "facts",  # the key in a tensor file's header
    "convncf/data/reading/columns.py": "pieces",  # a column that counts
    "app/views/data/dataset.py": "left out",  # sentences that earlier versions stored
    "app/ui/address.py": "moment",  # names in addresses stay, so that links open
    "app/views/inspect/over_training.py": "moment",
    "app/views/compare/choice.py": "bands",
    "app/views/compare/closer.py": "bands",
    "app/views/compare/groups.py": "bands",
}
"""File -> what may stand in it after all."""
_PATTERNS: Final = {re.compile(rf"(?<!\w)(?:{term})(?!\w)", re.IGNORECASE): say for term, say in SAY.items()}
_ANY: Final = re.compile("|".join(pattern.pattern for pattern in _PATTERNS), re.IGNORECASE)
_STORED: Final = ("left_out",)
"""Keys of report.json and metrics.jsonl, in quotes."""


def texts() -> Iterator[tuple[str, str]]:
    """Every file that people read or that speaks to them, by its path from the root."""
    for folder, pattern in (("convncf", "*.py"), ("app", "*.py"), ("docs", "*.md"), ("notebooks", "*.py")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "datasets/README.md"):
        yield name, (ROOT / name).read_text(encoding="utf-8")


def unwanted(text: str, allowed: str = "") -> list[str]:
    """The lines that hold a term, each with what to say."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not _ANY.search(line):
            continue
        plain = re.sub("|".join(rf"[\"']\w*{key}\w*[\"']" for key in _STORED), "", line)
        plain = re.sub(rf"(?<!\w)(?:{allowed})(?!\w)", "", plain, flags=re.IGNORECASE) if allowed else plain
        for pattern, say in _PATTERNS.items():
            if pattern.search(plain):
                found.append(f"{number}: {line.strip()[:100]} (say: {say})")
    return found


def test_no_file_has_a_term_that_must_not_come_back() -> None:
    found = {name: lines for name, text in texts() if (lines := unwanted(text, ALLOWED.get(name, "")))}
    assert not found, "\n".join(f"{name}:{line}" for name, lines in found.items() for line in lines)


@pytest.mark.parametrize(
    "line",
    [
        "gathered = [1]",
        "items that are left out of the ranking",
        "def split_facts(split): ...",
        "train.gentle_epochs=1",
        "A run goes on anew.",
        "Surprise me",
        'st.expander("The same in a terminal")',
    ],
)
def test_a_term_is_seen(line: str) -> None:
    assert len(unwanted(line)) == 1


def test_a_stored_key_is_no_term() -> None:
    assert not unwanted('report["left_out"], report.get("validation_left_out", 0)')
    assert unwanted("report.left_out")


def test_what_is_allowed_is_still_needed() -> None:
    files = dict(texts())
    for name, allowed in ALLOWED.items():
        assert unwanted(files[name]), f"{name} needs no exception"
        assert allowed == ".*" or not unwanted(files[name], allowed)
