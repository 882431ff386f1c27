"""What the buttons of the Runs page do, to one run or to several: each returns the sentence to say about it.

A run that was deleted meanwhile, or is being worked on, is said by name and keeps nothing else from being done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from app import state, widgets
from app.panels.commands import refused_where_read_only
from app.wording import sentence
from convncf.errors import ConvNCFError
from convncf.runs import Labels, Run


@refused_where_read_only
def rename(name: str, new: str) -> str:
    """Give a run another name."""
    wanted = new.strip()
    done = state.store().rename(name, wanted)
    if wanted == name:
        return f"{name} has that name already."
    if state.chosen("run") == name:
        state.choose(run=wanted)
    return f"{name} is now {wanted}. {done.words}".strip()


@refused_where_read_only
def note(name: str, text: str) -> str:
    """Keep a note on a run; empty text takes it away."""
    labels = state.store().open(name).label(lambda before: before.with_note(text))
    return f"The note on {name} is kept." if labels.note else f"{name} has no note now."


def tag(names: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> str:
    """Add tags to runs, and take some away."""
    wanted = [tag for tag in add if tag.strip()]
    if not wanted and not remove:
        return ""
    done = _each(names, _labelled(lambda labels: labels.with_tags(add=wanted, remove=remove)))
    what = [f"has {', '.join(tag.strip() for tag in wanted)} now"] if wanted else []
    what += [f"no longer has {', '.join(remove)}"] if remove else []
    return f"{', '.join(done)}: {' and '.join(what)}." if done else ""


def archive(names: Sequence[str], archived: bool) -> str:
    """Put runs aside, or bring them back."""
    done = _each(names, _labelled(lambda labels: replace(labels, archived=archived)))
    if not done:
        return ""
    return f"{', '.join(done)}: {'archived; lists leave it out' if archived else 'brought back'}."


def delete(names: Sequence[str]) -> str:
    """Remove the folders of runs."""
    done = _each(names, lambda name: state.store().delete(name))
    if state.chosen("run") in done:
        state.choose(run=None)
    return f"{', '.join(done)}: deleted." if done else ""


def size(run: Run) -> int:
    """Bytes of the run's files; one that goes meanwhile counts nothing."""
    total = 0
    for folder, _, files in os.walk(run.path):
        for file in files:
            try:
                total += os.stat(os.path.join(folder, file), follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
    return total


def _labelled(change: Callable[[Labels], Labels]) -> Callable[[str], object]:
    return lambda name: state.store().open(name).label(change)


@refused_where_read_only
def _each(names: Sequence[str], action: Callable[[str], object]) -> list[str]:
    """Do it to each run; the names of those where it worked. What stood in the way of others is told."""
    done = []
    for name in names:
        try:
            action(name)
        except ConvNCFError as error:
            widgets.tell(sentence(error), "problem")
        except OSError as error:
            widgets.tell(f"{name}: that did not work: {error}.", "problem")
        else:
            done.append(name)
    return done
