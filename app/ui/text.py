"""Sentences of the pages, and text from data made safe for them. What figures say stands in convncf.figures.wording."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final

from convncf.evaluation import metrics
from convncf.evaluation.significance import PairedTest
from convncf.figures.theme import number
from convncf.figures.wording import term
from convncf.models import registry
from convncf.runs import Status

# ---------------------------------------------------------------- text from data
_SIGN: Final = re.compile(r"([!-/:-@\[-`{-~])")
_EDGES: Final = re.compile(r"(?m)^[ \t]+|[ \t]+$")
# Streamlit replaces these in the text after Markdown has been read, where a backslash no longer helps: arrows and
# dashes between blanks, :emoji: and :streamlit:, bare addresses. A span around each sign keeps them apart.
_REPLACED: Final = re.compile(
    r"(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)|:(?=[\w+-]+:)|:(?=//)|@(?=[\w-]+\.\w)|(?<=www)\."
)


def plain(text: object) -> str:
    """Text from data for a place that Streamlit reads as Markdown: shown character for character.

    Every ASCII sign gets a backslash, which switches off Markdown, HTML, TeX and directives such as :red[…]; a line
    feed becomes a hard break. Tables of st.dataframe, st.text, st.code and the options of a selectbox need none.
    """
    parts: list[str] = []
    end = 0
    raw = str(text)
    for found in _REPLACED.finditer(raw):
        parts += [_escaped(raw[end : found.start()]), *(f":color[{_escaped(sign)}]" for sign in found[0])]
        end = found.end()
    escaped = "".join([*parts, _escaped(raw[end:])])
    # four leading blanks would make a code block, a trailing one would keep ** from closing
    escaped = _EDGES.sub(lambda blanks: "".join(f"&#{ord(blank)};" for blank in blanks[0]), escaped)
    return re.sub(r"\r\n?|\n", "  \n", escaped)


def _escaped(text: str) -> str:
    return _SIGN.sub(r"\\\1", text)


# ---------------------------------------------------------------- numbers and times
def percent(share: float) -> str:
    """0.0184 -> "1.84%"."""
    return f"{number(100 * share)}%"


def duration(seconds: float) -> str:
    """ "8 s", "2 min 5 s", "1 h 10 min": as exact as a person needs."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"


def ago(moment: float, now: float | None = None) -> str:
    """How long ago a moment (seconds since 1970) was; "now" within a second and a half."""
    seconds = (time.time() if now is None else now) - moment
    return "now" if seconds < 1.5 else f"{duration(seconds)} ago"


def sentence(text: object) -> str:
    """A message or an error as a sentence of its own: a capital first, a full stop last."""
    words = str(text)
    return f"{words[:1].upper()}{words[1:]}{'' if not words or words[-1] in '.!?' else '.'}"


def terms(*names: str) -> str:
    """Terms in plain words, a line each, for a help text beside the place where they are first met; Markdown."""
    known = {name: words for name in names if (words := term(name) or metrics.tooltip(name) or registry.tooltip(name))}
    return "\n\n".join(f"**{plain(name)}**: {plain(words)}" for name, words in known.items())


# ---------------------------------------------------------------- runs
STATE_WORDS: Final[Mapping[str, str]] = {
    "queued": "Waiting",
    "starting": "Starting",
    "running": "Running",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "lost": "Lost",
    "broken": "Broken",
}
"""State of a run -> the word that stands beside its name."""
SURE: Final = 0.05
"""The usual bound for a p-value: what luck alone brings about less often than this, a page calls unlikely."""


def verdict(test: PairedTest, name: str, baseline: str) -> str:
    """What a paired test says of a run against the baseline, in words without numbers; plain text."""
    if test.difference == test.low == test.high == 0:
        return f"{name} and {baseline} do equally well for these users, down to the last digit"
    if test.p_value >= SURE:
        return f"{name} and {baseline} cannot be told apart: a difference like theirs may well be luck with these users"
    better, worse = (name, baseline) if test.difference > 0 else (baseline, name)
    return f"{better} ranks held-out items better than {worse}: luck with these users is an unlikely explanation"


def phase(status: Status, model: str = "") -> str:
    """What an active run is doing, in words; plain text, to be escaped where it is shown."""
    if status.state != "running":
        return status.message or {"queued": "waiting for its turn", "starting": "loading data and model"}.get(
            status.state, ""
        )
    name = registry.label(model) or "the model"
    if status.phase == "evaluation":
        return f"ranking all items for each user: {status.done:,} of {status.total:,} users"
    what = "pretraining MF-BPR" if status.phase == "pretraining" else f"training {name}"
    if status.epoch == 0:
        return f"{what}: looking at the start, before the first step"
    validating = ", checking on validation" if status.unit == "users" else ""
    return f"{what}: epoch {status.epoch} of at most {status.epochs}{validating}"


def progress(status: Status) -> float:
    """How far the phase is, 0 to 1, as if no epoch were stopped early."""
    part = status.done / status.total if status.total else 0.0
    if status.phase == "evaluation":
        return min(1.0, part)
    if not status.epochs:
        return 0.0
    within = 1.0 if status.unit == "users" else part
    return min(1.0, max(0.0, (status.epoch - 1 + within) / status.epochs))


def remaining(status: Status) -> str:
    """ "at most 40 s more for this phase", or nothing where nothing is known yet."""
    if status.eta_seconds is None or not status.active:
        return ""
    return f"at most {duration(status.eta_seconds)} more for this phase"


ON_EVERYTHING: Final = (
    "Trained on everything: nothing is left to validate or test on, so the model after the last epoch is kept."
)
"""Stands beside a refit."""
NOT_VALIDATED: Final = "Nothing was validated, so the model after the last epoch is kept."
"""Stands beside a run of data without a validation part, or whose users could not be judged on it."""
NO_VALIDATION: Final = "Nothing is validated in this run, so there is no curve but the loss."
NO_EPOCH: Final = "No epoch was trained: the model is its start."
BROKEN: Final = "Bring the file back from a copy, or delete the run on the Runs page."
"""What to do about a run whose folder cannot be read."""
_HINTS: Final[Mapping[str, str]] = {
    "no space left": "The disk is full: free some space, then Resume; finished epochs are kept.",
    "memory": "The machine ran out of memory: take a smaller batch size or embedding size.",
    "loss": "Lower the learning rates, or take more L2 weight, in a new run.",
    "fingerprint": "The dataset is not the one that the run began with: train a new run on it.",
    "dataset": "The dataset is missing or damaged: see the Data page.",
    "device": "Choose another device in a new run.",
}


def hint(message: str) -> str:
    """What to do about a failed run, by what its last message says."""
    lower = message.lower()
    found = next((advice for sign, advice in _HINTS.items() if sign in lower), "")
    return found or "Resume tries again from the last saved epoch; the whole log stands on the Train page."


HELD_OUT: Final = "●"
