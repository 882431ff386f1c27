"""Pieces that every page shares: pickers bound to the address, facts, notices, empty and error states.

Whatever comes from data (names, ids, titles, error texts) passes through `wording.plain` here, so that callers hand
over text as it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import streamlit as st

from app.ui import address
from app.ui.text import plain
from convncf import figures
from convncf.errors import ConvNCFError
from convncf.runs import Run

T = TypeVar("T", bound=str)
ONWARD: Final = ":material/arrow_forward:"
"""Stands behind a link to another page, which would look like plain text without it."""
DOWNLOAD: Final = ":material/download:"
"""Stands before what can be taken along as a file, a quiet button on every page."""


# ---------------------------------------------------------------- headings and text
def page_title(text: str, words: str = "") -> None:
    """The one large heading of a page, and a sentence under it."""
    st.title(text, anchor=False)
    if words:
        st.caption(words)


def section(text: str, help: str = "") -> None:
    """The heading of a part of a page; `help` (Markdown) explains its terms."""
    st.header(text, anchor=False, help=help or None)


def labelled_values(values: Mapping[str, str]) -> None:
    """A row of labelled values, such as {"Users": "610"}; wraps where the page is narrow."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in values.items():
            st.markdown(f":small[{plain(label)}]  \n**{plain(value)}**", width="content")


def command_line(command: Sequence[str]) -> None:
    """The command line that shows the same, folded."""
    with st.expander("The same in a terminal"):
        st.code(shlex.join(command), language=None, wrap_lines=True)


def page_link(page: str, label: str, ids: Mapping[str, str | list[str]] | None = None) -> None:
    """A link to another page, with what is looked at there."""
    st.page_link(address.PAGES[page], label=label, icon=ONWARD, icon_position="right", query_params=ids)


def option(name: str, raw: str) -> list[str]:
    """An option of a command with text from data, which may begin with a dash."""
    return [f"{name}={raw}"] if raw.startswith("-") else [name, raw]


# ---------------------------------------------------------------- what went wrong, what is missing
def problem(error: ConvNCFError | str) -> None:
    """An error in words, where it concerns the reader; never a traceback."""
    st.error(plain(error))


def empty(words: str) -> None:
    """Why there is nothing to see here yet; buttons that lead on follow it."""
    st.info(plain(words))


def broken_run(run: Run) -> bool:
    """Whether the run's folder cannot be read; says why if so."""
    reason = run.broken()
    if reason:
        st.error(f"**{plain(run.name)}** cannot be read. {plain(reason)}")
    return bool(reason)


_NOTICES = "notices"


def tell(words: str, kind: Literal["done", "problem"] = "done") -> None:
    """Say something after the rerun that a callback brings; see `notices`."""
    st.session_state[_NOTICES] = [*st.session_state.get(_NOTICES, []), (kind, words)]


def notices() -> None:
    """Show what callbacks had to say, once. Every page calls it under its title."""
    with st.container():  # full or not, so that nothing below is made anew when a notice goes
        for kind, words in st.session_state.pop(_NOTICES, []):
            (st.error if kind == "problem" else st.success)(plain(words))


def attempt(action: Callable[[], str | None]) -> None:
    """Do what a button is for: the sentence that comes back, or the error, is told after the rerun."""
    try:
        words = action()
    except ConvNCFError as error:
        tell(str(error), "problem")
        return
    except OSError as error:
        tell(f"That did not work: {error}.", "problem")
        return
    if words:
        tell(words)


def confirm(label: str, question: str, yes: str, action: Callable[[], str | None], *, key: str, help: str = "") -> None:
    """A button that opens a question; only the button under the question acts."""
    with st.popover(label, help=help or None, key=f"{key}:popover"):
        st.markdown(plain(question))
        main_button(yes, key=key, on_click=attempt, args=(action,))


def main_button(
    label: str,
    *,
    key: str,
    on_click: Callable[..., None] | None = None,
    args: tuple[Any, ...] = (),
    disabled: bool = False,
    help: str | None = None,
) -> bool:
    """The one prominent button of a place. Returns whether it was pressed, where there is no callback."""
    words = plain(label)
    if address.theme() is figures.DARK and not disabled:
        # Streamlit writes white on the accent, which on the dark theme's light teal nobody can read
        words = f':color[{words}]{{foreground="{figures.DARK.paper}"}}'
    return st.button(words, key=key, type="primary", on_click=on_click, args=args, disabled=disabled, help=help)


# ---------------------------------------------------------------- pickers
def pick(
    label: str,
    options: Sequence[str],
    *,
    parameter: str,
    default: str | None = None,
    labels: Callable[[str], str] = str,
    help: str | None = None,
    placeholder: str | None = None,
) -> str | None:
    """A selectbox whose choice is `?parameter=…` in the address; the options are raw ids, shown through `labels`.

    Without a valid id in address or session it takes `default`, else the first option; None where there is no option.
    An id in the address that is not among the options is said in words, never silently replaced.
    """
    if not options:
        return None
    asked = address.chosen(parameter)
    value = next((wish for wish in (asked, default) if wish is not None and wish in options), options[0])
    key = f"pick:{parameter}"
    # Set before the widget is made: the address decides, also after Back and after a link from another page.
    st.session_state[key] = value
    picked = st.selectbox(
        label,
        options,
        key=key,
        format_func=labels,
        help=help,
        placeholder=placeholder,
        on_change=address.follow(parameter, key),
    )
    if asked is not None and asked not in options:
        st.caption(f"{plain(label)} {plain(repr(asked))} is not here; {plain(labels(value))} is shown instead.")
    else:
        address.show(**{parameter: picked})
    return picked


def one_of(
    label: str,
    options: Sequence[T],
    *,
    parameter: str,
    default: T | None = None,
    words: Callable[[T], str] = str,
    help: str | None = None,
    labelled: bool = False,
    then: Callable[[], None] | None = None,
) -> T:
    """A row of options whose choice is `?parameter=…`; one that the address asks for and that is none of them is said.

    Without one it takes `default`, else the first. `then` is called after a choice, before the page runs again.
    """
    asked = address.chosen(parameter)
    first = options[0] if default is None else default
    here = next((option for option in options if option == asked), first)
    key = f"choice:{parameter}"
    st.session_state[key] = here
    follow = address.follow(parameter, key)

    def chosen() -> None:
        follow()
        if then is not None:
            then()

    st.segmented_control(
        label,
        options,
        required=True,
        format_func=lambda option: plain(words(option)),
        key=key,
        label_visibility="visible" if labelled else "collapsed",
        help=help,
        on_change=chosen,
    )
    if asked is not None and asked not in options:
        st.caption(f"{plain(label)} {plain(repr(asked))} is not here; {plain(words(here))} is shown instead.")
    else:
        address.show(**{parameter: here})
    return here


def run_picker(
    runs: Sequence[Run], *, label: str = "Run", parameter: str = "run", default: str | None = None
) -> Run | None:
    """Pick one of these runs by name."""
    by_name = {run.name: run for run in runs}
    name = pick(label, list(by_name), parameter=parameter, default=default)
    return by_name[name] if name is not None else None
