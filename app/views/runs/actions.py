"""What can be done with the runs that are ticked: look at them, compare, name, tag, note, archive, delete.

A run that was deleted meanwhile, or is being worked on, is said by name and keeps nothing else from being done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from app.ui import address, run_table, widgets
from app.ui.commands import ONLY_SHOWS, refused_where_read_only
from app.ui.run_summary import RunSummary
from app.ui.run_table import Column
from app.ui.text import plain, sentence
from app.views.runs.filters import Choice
from convncf.errors import ConvNCFError
from convncf.interop.tables import csv_table, latex_table
from convncf.runs import Labels, Run


@refused_where_read_only
def rename(name: str, new: str) -> str:
    """Give a run another name."""
    wanted = new.strip()
    done = address.store().rename(name, wanted)
    if wanted == name:
        return f"{name} has that name already."
    address.renamed("run", name, wanted)
    return f"{name} is now {wanted}. {done.words}".strip()


@refused_where_read_only
def note(name: str, text: str) -> str:
    """Keep a note on a run; empty text takes it away."""
    labels = address.store().open(name).label(lambda before: before.with_note(text))
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
    done = _each(names, lambda name: address.store().delete(name))
    for name in done:
        address.renamed("run", name, None)
    return f"{', '.join(done)}: deleted." if done else ""


def size_of(run: Run) -> int:
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
    return lambda name: address.store().open(name).label(change)


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


_CAPTION: Final = "Runs; the metrics of a row are all of its kept epoch."


def show_downloads(shown: Sequence[RunSummary], columns: Sequence[Column], choice: Choice) -> None:
    """Two downloads under the table, and the same list in a terminal."""
    if shown:
        with st.container(horizontal=True):
            st.download_button(
                "CSV",
                data=lambda: as_csv(shown, columns),
                file_name="runs.csv",
                mime="text/csv",
                on_click="ignore",
                type="tertiary",
                icon=widgets.DOWNLOAD,
                key="runs:csv",
                help="The rows and columns above; numbers in full.",
            )
            st.download_button(
                "LaTeX",
                data=lambda: as_latex(shown, columns),
                file_name="runs.tex",
                mime="text/x-tex",
                on_click="ignore",
                type="tertiary",
                icon=widgets.DOWNLOAD,
                key="runs:latex",
                help="The rows and columns above, as they are shown; for the packages booktabs and textcomp.",
            )
    widgets.command_line(command(choice))


def as_csv(shown: Sequence[RunSummary], columns: Sequence[Column]) -> str:
    """The rows under their heads; text as it is, numbers in full."""
    rows = [[run_table.cell(column, summary) for column in columns] for summary in shown]
    return csv_table([column.head for column in columns], rows)


def as_latex(shown: Sequence[RunSummary], columns: Sequence[Column]) -> str:
    """The rows as a table for a paper, numbers as the page shows them."""
    rows = [[run_table.cell(column, summary, short=True) for column in columns] for summary in shown]
    numbers = {place for place, column in enumerate(columns) if column.numeric}
    return latex_table([column.head for column in columns], rows, numbers=numbers, caption=_CAPTION)


def command(choice: Choice) -> list[str]:
    """The command that lists the same runs, newest first."""
    parts = ["convncf", "runs", "list"]
    if choice.search:
        parts += ["--search", choice.search]
    for name, value in choice.of.items():
        parts += [f"--{name}", value]
    return parts + {"no": [], "yes": ["--archived"], "only": ["--archived-only"]}[choice.archived]


_NAMED: Final = 10
_HINT: Final = (
    "Tick boxes at the left of the table to name, tag, note, archive or delete runs, one to look inside or recommend, "
    f"2 to {address.MOST_COMPARED} finished ones to compare."
)


def asked(seen: Sequence[RunSummary]) -> tuple[str, ...]:
    """The runs that the address ticks; one that is gone is said in words."""
    names = tuple(address.values("run"))
    here = {summary.name for summary in seen}
    for name in names:
        if name not in here:
            st.caption(f"Run {plain(repr(name))} is not here any more: it was deleted or renamed.")
    return tuple(name for name in names if name in here)


def remember(ticked: Sequence[RunSummary]) -> None:
    """Put the ticked runs into the address."""
    tick([summary.name for summary in ticked])


def tick(names: Sequence[str]) -> None:
    """Let the address tick these runs."""
    address.choose(run=list(names))


def show(ticked: Sequence[RunSummary], seen: Sequence[RunSummary]) -> None:
    """One row of links and buttons; what needs one run alone, or two to four, is there for those only."""
    names = [summary.name for summary in ticked]
    with st.container(horizontal=True, vertical_alignment="center"):
        _links(ticked)
        if names and not address.read_only():
            _labels(ticked)
            _delete(ticked, seen)
    if address.read_only():
        st.caption(ONLY_SHOWS)
    elif not names:
        st.caption(_HINT)
    else:
        st.caption(plain(f"{len(names):,} ticked: {_named(names)}."))
    for summary in ticked:
        if summary.state == "broken":
            widgets.broken_run(summary.run)
        elif summary.reason or summary.state in ("failed", "lost"):
            st.caption(plain(f"{summary.name}: {summary.reason or summary.status.message}"))
        if summary.labels.problem:
            widgets.problem(f"Labels of {summary.name} cannot be read. {summary.labels.problem}")


def _links(ticked: Sequence[RunSummary]) -> None:
    """Where the ticked runs can be looked at; what does not go with them is not there."""
    names = [summary.name for summary in ticked]
    if 2 <= len(names) <= address.MOST_COMPARED and all(summary.finished for summary in ticked):
        widgets.page_link("compare", "Compare", {"run": names})
    if len(ticked) == 1:
        if ticked[0].trained and ticked[0].epoch is not None:
            widgets.page_link("inspect", "Look inside", {"run": names})
        if ticked[0].finished:
            widgets.page_link("recommend", "Recommend", {"run": names})
        widgets.page_link("train", "Watch", {"run": names})


# ---------------------------------------------------------------- name and labels
def _labels(ticked: Sequence[RunSummary]) -> None:
    names = [summary.name for summary in ticked]
    if len(ticked) == 1:
        _rename(ticked[0])
        _note(ticked[0])
    _tags(ticked)
    archived = all(summary.labels.archived for summary in ticked)
    st.button(
        "Bring back" if archived else "Archive",
        key="runs:archive",
        help="Lists leave archived runs out; nothing else changes, and they can be brought back.",
        on_click=widgets.attempt,
        args=(partial(archive, names, not archived),),
    )


def _rename(summary: RunSummary) -> None:
    with st.popover("Rename"):
        key = f"runs:name:{summary.name}"
        st.text_input("New name", value=summary.name, key=key, help="Letters, digits, '-', '_' and '.'.")
        st.caption("Its colour stays; runs that began from its embeddings name it by the new name.")
        _act("Rename it", key, lambda value: _renamed(summary.name, value))


def _renamed(name: str, wanted: str) -> str:
    words = rename(name, wanted)
    tick([wanted.strip()])  # it stays ticked
    return words


def _note(summary: RunSummary) -> None:
    with st.popover("Note"):
        key = f"runs:note:{summary.name}"
        st.text_area(f"Note on {summary.name}", value=summary.labels.note, key=key, height=120)
        _act("Keep the note", key, lambda value: note(summary.name, value))


def _tags(ticked: Sequence[RunSummary]) -> None:
    names = [summary.name for summary in ticked]
    present = list(dict.fromkeys(tag for summary in ticked for tag in summary.labels.tags))
    with st.popover("Tag"):
        key = "runs:add:" + "\n".join(names)
        st.text_input("Tags to add", key=key, placeholder="baseline, for the paper", help="Several with commas.")
        _act("Add", key, lambda value: tag(names, add=value.split(",")))
        if present:
            gone = "runs:remove:" + "\n".join(names)
            st.pills("Tags to take away", present, key=gone, selection_mode="multi", format_func=plain)
            _act("Take away", gone, lambda value: tag(names, remove=value))


def _act(label: str, key: str, action: Callable[..., str]) -> None:
    """A button that does something with the value of the field at `key`, as it is when the button is pressed."""

    def press() -> None:
        widgets.attempt(lambda: action(st.session_state[key]))

    widgets.main_button(label, key=f"{key}:do:{label}", on_click=press)


# ---------------------------------------------------------------- delete
def _delete(ticked: Sequence[RunSummary], seen: Sequence[RunSummary]) -> None:
    names = [summary.name for summary in ticked]
    many = f"{len(names):,} runs" if len(names) > 1 else "it"
    action = partial(delete, names)
    widgets.confirm("Delete", _question(ticked, seen), f"Delete {many} for good", action, key="runs:delete")


def _question(ticked: Sequence[RunSummary], seen: Sequence[RunSummary]) -> str:
    """What goes, what stays and what cannot be undone."""
    names = [summary.name for summary in ticked]
    size = sum(size_of(summary.run) for summary in ticked)
    said = [f"Delete {_named(names)} with models, curves, reports and logs ({size / 1e6:,.1f} MB)?"]
    begun = [g.name for g in seen if g.name not in names and g.settings.get("model.pre_model_path") in names]
    if begun:
        said.append(f"{_named(begun)} began from these embeddings, and keep their own copy.")
    said.append("This cannot be undone.")
    return " ".join(said)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
