"""Text of the pages, and text from data escaped for them. Sentences about figures are in convncf.figures.wording."""

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

SMOOTHING: Final[Mapping[str, str]] = {"0": "none", "0.6": "light", "0.9": "strong"}
"""Weight of the moving average in an address -> its label."""
READ_SMOOTHING: Final = "The faint line has the measured values; the smooth one is their exponential moving average."

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
    segments: list[str] = []
    end = 0
    raw = str(text)
    for match in _REPLACED.finditer(raw):
        segments += [_escaped(raw[end : match.start()]), *(f":color[{_escaped(sign)}]" for sign in match[0])]
        end = match.end()
    escaped = "".join([*segments, _escaped(raw[end:])])
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
    """ "8 s", "2 min 5 s", "1 h 10 min": rounded to what a person needs."""
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


def ago(then: float, now: float | None = None) -> str:
    """How long ago a time (seconds since 1970) was; "now" within a second and a half."""
    seconds = (time.time() if now is None else now) - then
    return "now" if seconds < 1.5 else f"{duration(seconds)} ago"


def sentence(text: object) -> str:
    """A message or an error as a sentence: with a capital and a full stop."""
    message = str(text)
    return f"{message[:1].upper()}{message[1:]}{'' if not message or message[-1] in '.!?' else '.'}"


def terms(*names: str) -> str:
    """Definitions of terms, one per line, for a help text where they first appear; Markdown."""
    definitions = {
        name: definition
        for name in names
        if (definition := term(name) or metrics.tooltip(name) or registry.tooltip(name))
    }
    return "\n\n".join(f"**{plain(name)}**: {plain(definition)}" for name, definition in definitions.items())


# ---------------------------------------------------------------- runs
STATE_LABELS: Final[Mapping[str, str]] = {
    "queued": "Queued",
    "starting": "Starting",
    "running": "Running",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "lost": "Lost",
    "broken": "Broken",
}
"""State of a run -> the label beside its name."""
SIGNIFICANCE_LEVEL: Final = 0.05
"""The usual significance level: below it a page calls a difference significant."""


def verdict(test: PairedTest, name: str, baseline: str) -> str:
    """The result of a paired test of a run against the baseline, as plain text without numbers."""
    if test.difference == test.low == test.high == 0:
        return f"{name} and {baseline} have exactly equal figures for these users"
    if test.p_value >= SIGNIFICANCE_LEVEL:
        return f"No significant difference between {name} and {baseline}"
    better, worse = (name, baseline) if test.difference > 0 else (baseline, name)
    return f"{better} ranks held-out items significantly better than {worse}"


def phase(status: Status, model: str = "") -> str:
    """What an active run is doing; plain text, to be escaped where it is shown."""
    if status.state != "running":
        return status.message or {"queued": "queued", "starting": "loading data and model"}.get(status.state, "")
    name = registry.label(model) or "the model"
    if status.phase == "evaluation":
        return f"evaluating: {status.done:,} of {status.total:,} users ranked"
    activity = "pretraining MF-BPR" if status.phase == "pretraining" else f"training {name}"
    if status.epoch == 0:
        return f"{activity}: evaluating the start, before the first step"
    validating = ", evaluating on validation" if status.unit == "users" else ""
    return f"{activity}: epoch {status.epoch} of at most {status.epochs}{validating}"


def progress(status: Status) -> float:
    """Progress of the phase, 0 to 1, as if it were not stopped early."""
    share = status.done / status.total if status.total else 0.0
    if status.phase == "evaluation":
        return min(1.0, share)
    if not status.epochs:
        return 0.0
    within = 1.0 if status.unit == "users" else share
    return min(1.0, max(0.0, (status.epoch - 1 + within) / status.epochs))


def remaining(status: Status) -> str:
    """ "at most 40 s left in this phase"; empty where no estimate exists yet."""
    if status.eta_seconds is None or not status.active:
        return ""
    return f"at most {duration(status.eta_seconds)} left in this phase"


ON_EVERYTHING: Final = (
    "Trained on all interactions: none are held out for validation or test, so the model after the last epoch is kept."
)
"""Shown beside a refit."""
NOT_VALIDATED: Final = "Nothing was validated, so the model after the last epoch is kept."
"""Shown beside a run without a validation part, or without users that can be evaluated on it."""
NO_VALIDATION: Final = "This run has no validation part, so the loss is its only curve."
NO_EPOCH: Final = "No epoch was trained: the model is in its initial state."
BROKEN: Final = "Restore the file from a backup, or delete the run on the Runs page."
"""What to do about a run whose folder cannot be read."""
_HINTS: Final[Mapping[str, str]] = {
    "no space left": "The disk is full: free some space, then Resume; finished epochs are kept.",
    "memory": "The machine ran out of memory: use a smaller batch size or embedding size.",
    "loss": "Lower the learning rates, or increase the L2 weight, in a new run.",
    "fingerprint": "The dataset has changed since the run started: train a new run on it.",
    "dataset": "The dataset is missing or damaged: see the Data page.",
    "device": "Choose another device in a new run.",
}


def hint(message: str) -> str:
    """What to do about a failed run, by its last message."""
    lower = message.lower()
    specific = next((advice for sign, advice in _HINTS.items() if sign in lower), "")
    return specific or "Resume tries again from the last saved epoch; the whole log is on the Train page."


HELD_OUT: Final = "●"
