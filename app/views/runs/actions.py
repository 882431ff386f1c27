"""Actions on the ticked runs: inspect, compare, rename, tag, annotate, archive, delete, export.

A run that was deleted meanwhile, or is in training, is reported by name and does not stop the action on the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from app.ui import address, run_table, widgets
from app.ui.commands import READ_ONLY, refused_where_read_only
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
    new_name = new.strip()
    renaming = address.store().rename(name, new_name)
    if new_name == name:
        return f"{name} has that name already."
    address.renamed("run", name, new_name)
    return f"{name} is now {new_name}. {renaming.words}".strip()


@refused_where_read_only
def note(name: str, text: str) -> str:
    """Save a note on a run; empty text removes it."""
    labels = address.store().open(name).label(lambda before: before.with_note(text))
    return f"The note on {name} is saved." if labels.note else f"{name} has no note now."


def tag(names: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> str:
    """Add tags to runs, and remove some."""
    added = [tag for tag in add if tag.strip()]
    if not added and not remove:
        return ""
    changed = _apply(names, _labelled(lambda labels: labels.with_tags(add=added, remove=remove)))
    changes = [f"has {', '.join(tag.strip() for tag in added)} now"] if added else []
    changes += [f"no longer has {', '.join(remove)}"] if remove else []
    return f"{', '.join(changed)}: {' and '.join(changes)}." if changed else ""


def archive(names: Sequence[str], archived: bool) -> str:
    """Archive runs, or restore them."""
    changed = _apply(names, _labelled(lambda labels: replace(labels, archived=archived)))
    if not changed:
        return ""
    return f"{', '.join(changed)}: {'archived, and excluded from lists' if archived else 'restored'}."


def delete(names: Sequence[str]) -> str:
    """Remove the folders of runs."""
    deleted = _apply(names, lambda name: address.store().delete(name))
    for name in deleted:
        address.renamed("run", name, None)
    return f"{', '.join(deleted)}: deleted." if deleted else ""


def size_of(run: Run) -> int:
    """Bytes of the run's files; one that is removed meanwhile counts as 0."""
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
def _apply(names: Sequence[str], action: Callable[[str], object]) -> list[str]:
    """Apply an action to each run; the names of those where it worked. The errors of others are shown."""
    succeeded = []
    for name in names:
        try:
            action(name)
        except ConvNCFError as error:
            widgets.notify(sentence(error), "problem")
        except OSError as error:
            widgets.notify(f"{name}: the operating system refused: {error}.", "problem")
        else:
            succeeded.append(name)
    return succeeded


_CAPTION: Final = "Runs; all metrics of a row were measured at its kept epoch."


def show_downloads(shown: Sequence[RunSummary], columns: Sequence[Column], choice: Choice) -> None:
    """Two downloads under the table, and the command line for the same list."""
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
    arguments = ["convncf", "runs", "list"]
    if choice.search:
        arguments += ["--search", choice.search]
    for name, value in choice.filters.items():
        arguments += [f"--{name}", value]
    return arguments + {"no": [], "yes": ["--archived"], "only": ["--archived-only"]}[choice.archived]


_NAMED: Final = 10
_HINT: Final = (
    "Tick boxes at the left of the table to rename, tag, annotate, archive or delete runs; one to look inside or "
    f"recommend; 2 to {address.MOST_COMPARED} finished ones to compare."
)


def selected(summaries: Sequence[RunSummary]) -> tuple[str, ...]:
    """The runs that the address ticks; one that no longer exists is reported."""
    names = tuple(address.values("run"))
    existing = {summary.name for summary in summaries}
    for name in names:
        if name not in existing:
            st.caption(f"Run {plain(repr(name))} no longer exists: it was deleted or renamed.")
    return tuple(name for name in names if name in existing)


def remember(ticked: Sequence[RunSummary]) -> None:
    """Put the ticked runs into the address."""
    tick([summary.name for summary in ticked])


def tick(names: Sequence[str]) -> None:
    """Let the address tick these runs."""
    address.choose(run=list(names))


def show(ticked: Sequence[RunSummary], summaries: Sequence[RunSummary]) -> None:
    """One row of links and buttons; those that need one run, or two to four, appear only then."""
    names = [summary.name for summary in ticked]
    with st.container(horizontal=True, vertical_alignment="center"):
        _links(ticked)
        if names and not address.read_only():
            _labels(ticked)
            _delete(ticked, summaries)
    if address.read_only():
        st.caption(READ_ONLY)
    elif not names:
        st.caption(_HINT)
    else:
        st.caption(plain(f"{len(names):,} ticked: {_list_names(names)}."))
    for summary in ticked:
        if summary.state == "broken":
            widgets.broken_run(summary.run)
        elif summary.reason or summary.state in ("failed", "lost"):
            st.caption(plain(f"{summary.name}: {summary.reason or summary.status.message}"))
        if summary.labels.problem:
            widgets.problem(f"Labels of {summary.name} cannot be read. {summary.labels.problem}")


def _links(ticked: Sequence[RunSummary]) -> None:
    """Links to other pages for the ticked runs, without those that do not apply."""
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
        "Restore" if archived else "Archive",
        key="runs:archive",
        help="Archived runs are excluded from lists; nothing else changes, and they can be restored.",
        on_click=widgets.attempt,
        args=(partial(archive, names, not archived),),
    )


def _rename(summary: RunSummary) -> None:
    with st.popover("Rename"):
        key = f"runs:name:{summary.name}"
        st.text_input("New name", value=summary.name, key=key, help="Letters, digits, '-', '_' and '.'.")
        st.caption("Its colour stays; runs that started from its embeddings refer to it by the new name.")
        _act("Rename", key, lambda value: _renamed(summary.name, value))


def _renamed(name: str, new_name: str) -> str:
    message = rename(name, new_name)
    tick([new_name.strip()])  # it stays ticked
    return message


def _note(summary: RunSummary) -> None:
    with st.popover("Note"):
        key = f"runs:note:{summary.name}"
        st.text_area(f"Note on {summary.name}", value=summary.labels.note, key=key, height=120)
        _act("Save the note", key, lambda value: note(summary.name, value))


def _tags(ticked: Sequence[RunSummary]) -> None:
    names = [summary.name for summary in ticked]
    present = list(dict.fromkeys(tag for summary in ticked for tag in summary.labels.tags))
    with st.popover("Tag"):
        key = "runs:add:" + "\n".join(names)
        st.text_input("Tags to add", key=key, placeholder="baseline, for the paper", help="Several with commas.")
        _act("Add", key, lambda value: tag(names, add=value.split(",")))
        if present:
            removal_key = "runs:remove:" + "\n".join(names)
            st.pills("Tags to remove", present, key=removal_key, selection_mode="multi", format_func=plain)
            _act("Remove", removal_key, lambda value: tag(names, remove=value))


def _act(label: str, key: str, action: Callable[..., str]) -> None:
    """A button that calls `action` with the value of the field at `key` when it is pressed."""

    def press() -> None:
        widgets.attempt(lambda: action(st.session_state[key]))

    widgets.main_button(label, key=f"{key}:do:{label}", on_click=press)


# ---------------------------------------------------------------- delete
def _delete(ticked: Sequence[RunSummary], summaries: Sequence[RunSummary]) -> None:
    names = [summary.name for summary in ticked]
    what = f"{len(names):,} runs" if len(names) > 1 else "it"
    action = partial(delete, names)
    widgets.confirm("Delete", _question(ticked, summaries), f"Delete {what} for good", action, key="runs:delete")


def _question(ticked: Sequence[RunSummary], summaries: Sequence[RunSummary]) -> str:
    """What is deleted, what stays, and that it cannot be undone."""
    names = [summary.name for summary in ticked]
    size = sum(size_of(summary.run) for summary in ticked)
    sentences = [f"Delete {_list_names(names)} with models, curves, reports and logs ({size / 1e6:,.1f} MB)?"]
    dependents = [
        summary.name
        for summary in summaries
        if summary.name not in names and summary.settings.get("model.pre_model_path") in names
    ]
    if dependents:
        sentences.append(f"{_list_names(dependents)} started from these embeddings, and keep their own copy.")
    sentences.append("This cannot be undone.")
    return " ".join(sentences)


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
