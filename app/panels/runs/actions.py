"""What can be done with the runs that are ticked: look at them, compare, name, tag, note, archive, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import streamlit as st

from app import state, widgets
from app.panels.commands import ONLY_SHOWS
from app.panels.compare import run_choice
from app.panels.glance import Glance
from app.panels.runs import commands as runs_commands
from app.wording import plain

_NAMED: Final = 10
_HINT: Final = (
    "Tick boxes at the left of the table to name, tag, note, archive or delete runs, one to look inside or recommend, "
    f"2 to {run_choice.MOST} finished ones to compare."
)


def asked(seen: Sequence[Glance]) -> tuple[str, ...]:
    """The runs that the address ticks; one that is gone is said in words."""
    names = tuple(name for name in st.query_params.get_all("run") if name)
    here = {glance.name for glance in seen}
    for name in names:
        if name not in here:
            st.caption(f"Run {plain(repr(name))} is not here any more: it was deleted or renamed.")
    return tuple(name for name in names if name in here)


def remember(ticked: Sequence[Glance]) -> None:
    """Put the ticked runs into the address."""
    tick([glance.name for glance in ticked])


def tick(names: Sequence[str]) -> None:
    """Let the address tick these runs."""
    if list(names) != st.query_params.get_all("run"):
        if names:
            st.query_params["run"] = list(names)
        else:
            st.query_params.pop("run", None)


def show(ticked: Sequence[Glance], seen: Sequence[Glance]) -> None:
    """One row of links and buttons; what needs one run alone, or two to four, is there for those only."""
    names = [glance.name for glance in ticked]
    with st.container(horizontal=True, vertical_alignment="center"):
        _links(ticked)
        if names and not state.read_only():
            _labels(ticked)
            _delete(ticked, seen)
    if state.read_only():
        st.caption(ONLY_SHOWS)
    elif not names:
        st.caption(_HINT)
    else:
        st.caption(plain(f"{len(names):,} ticked: {_named(names)}."))
    for glance in ticked:
        if glance.state == "broken":
            widgets.broken_run(glance.run)
        elif glance.reason or glance.state in ("failed", "lost"):
            st.caption(plain(f"{glance.name}: {glance.reason or glance.status.message}"))
        if glance.labels.problem:
            widgets.problem(f"Labels of {glance.name} cannot be read. {glance.labels.problem}")


def _links(ticked: Sequence[Glance]) -> None:
    """Where the ticked runs can be looked at; what does not go with them is not there."""
    names = [glance.name for glance in ticked]
    if 2 <= len(names) <= run_choice.MOST and all(glance.finished for glance in ticked):
        widgets.onward("compare", "Compare", {"run": names})
    if len(ticked) == 1:
        if ticked[0].trained and ticked[0].epoch is not None:
            widgets.onward("inspect", "Look inside", {"run": names})
        if ticked[0].finished:
            widgets.onward("recommend", "Recommend", {"run": names})
        widgets.onward("train", "Watch", {"run": names})


# ---------------------------------------------------------------- name and labels


def _labels(ticked: Sequence[Glance]) -> None:
    names = [glance.name for glance in ticked]
    if len(ticked) == 1:
        _rename(ticked[0])
        _note(ticked[0])
    _tags(ticked)
    archived = all(glance.labels.archived for glance in ticked)
    st.button(
        "Bring back" if archived else "Archive",
        key="runs:archive",
        help="Lists leave archived runs out; nothing else changes, and they can be brought back.",
        on_click=widgets.attempt,
        args=(partial(runs_commands.archive, names, not archived),),
    )


def _rename(glance: Glance) -> None:
    with st.popover("Rename"):
        key = f"runs:name:{glance.name}"
        st.text_input("New name", value=glance.name, key=key, help="Letters, digits, '-', '_' and '.'.")
        st.caption("Its colour stays; runs that began from its embeddings name it by the new name.")
        _act("Rename it", key, lambda value: _renamed(glance.name, value))


def _renamed(name: str, wanted: str) -> str:
    words = runs_commands.rename(name, wanted)
    tick([wanted.strip()])  # it stays ticked
    return words


def _note(glance: Glance) -> None:
    with st.popover("Note"):
        key = f"runs:note:{glance.name}"
        st.text_area(f"Note on {glance.name}", value=glance.labels.note, key=key, height=120)
        _act("Keep the note", key, lambda value: runs_commands.note(glance.name, value))


def _tags(ticked: Sequence[Glance]) -> None:
    names = [glance.name for glance in ticked]
    present = list(dict.fromkeys(tag for glance in ticked for tag in glance.labels.tags))
    with st.popover("Tag"):
        key = "runs:add:" + "\n".join(names)
        st.text_input("Tags to add", key=key, placeholder="baseline, for the paper", help="Several with commas.")
        _act("Add", key, lambda value: runs_commands.tag(names, add=value.split(",")))
        if present:
            gone = "runs:remove:" + "\n".join(names)
            st.pills("Tags to take away", present, key=gone, selection_mode="multi", format_func=plain)
            _act("Take away", gone, lambda value: runs_commands.tag(names, remove=value))


def _act(label: str, key: str, action: Callable[..., str]) -> None:
    """A button that does something with the value of the field at `key`, as it is when the button is pressed."""

    def press() -> None:
        widgets.attempt(lambda: action(st.session_state[key]))

    widgets.main_button(label, key=f"{key}:do:{label}", on_click=press)


# ---------------------------------------------------------------- delete


def _delete(ticked: Sequence[Glance], seen: Sequence[Glance]) -> None:
    names = [glance.name for glance in ticked]
    many = f"{len(names):,} runs" if len(names) > 1 else "it"
    action = partial(runs_commands.delete, names)
    widgets.confirm("Delete", _question(ticked, seen), f"Delete {many} for good", action, key="runs:delete")


def _question(ticked: Sequence[Glance], seen: Sequence[Glance]) -> str:
    """What goes, what stays and what cannot be undone."""
    names = [glance.name for glance in ticked]
    size = sum(runs_commands.size(glance.run) for glance in ticked)
    said = [f"Delete {_named(names)} with models, curves, reports and logs ({size / 1e6:,.1f} MB)?"]
    begun = [g.name for g in seen if g.name not in names and g.settings.get("model.pre_model_path") in names]
    if begun:
        said.append(f"{_named(begun)} began from these embeddings, and keep their own copy.")
    said.append("This cannot be undone.")
    return " ".join(said)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
