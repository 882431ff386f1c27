"""Widgets that every page shares: pickers bound to the address, labelled values, notices, empty and error states.

Text from data (names, ids, titles, error messages) passes through `text.plain` here, so that callers pass it as it is.
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
"""Icon after a link to another page, which would look like plain text without it."""
DOWNLOAD: Final = ":material/download:"
"""Icon before a button that downloads a file."""


# ---------------------------------------------------------------- headings and text
def page_title(text: str, subtitle: str = "") -> None:
    """The one large heading of a page, and a sentence under it."""
    st.title(text, anchor=False)
    if subtitle:
        st.caption(subtitle)


def section(text: str, help: str = "") -> None:
    """The heading of a part of a page; `help` (Markdown) explains its terms."""
    st.header(text, anchor=False, help=help or None)


def labelled_values(values: Mapping[str, str]) -> None:
    """A row of labelled values, such as {"Users": "610"}; wraps where the page is narrow."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in values.items():
            st.markdown(f":small[{plain(label)}]  \n**{plain(value)}**", width="content")


def command_line(command: Sequence[str]) -> None:
    """The command line that does the same, folded."""
    with st.expander("Command line"):
        st.code(shlex.join(command), language=None, wrap_lines=True)


def page_link(page: str, label: str, ids: Mapping[str, str | list[str]] | None = None) -> None:
    """A link to another page, with what it shows as `ids`."""
    st.page_link(address.PAGES[page], label=label, icon=ONWARD, icon_position="right", query_params=ids)


def option(name: str, raw: str) -> list[str]:
    """An option of a command with text from data, which may begin with a dash."""
    return [f"{name}={raw}"] if raw.startswith("-") else [name, raw]


# ---------------------------------------------------------------- what went wrong, what is missing
def problem(error: ConvNCFError | str) -> None:
    """An error message where it concerns the reader; never a traceback."""
    st.error(plain(error))


def empty(explanation: str) -> None:
    """Why there is nothing to show here yet; buttons for the next step follow it."""
    st.info(plain(explanation))


def broken_run(run: Run) -> bool:
    """Whether the run's folder cannot be read; shows why if so."""
    reason = run.broken()
    if reason:
        st.error(f"**{plain(run.name)}** cannot be read. {plain(reason)}")
    return bool(reason)


_NOTICES = "notices"


def notify(message: str, kind: Literal["done", "problem"] = "done") -> None:
    """Show a message after the rerun that follows a callback; see `notices`."""
    st.session_state[_NOTICES] = [*st.session_state.get(_NOTICES, []), (kind, message)]


def notices() -> None:
    """Show the messages of callbacks, once. Every page calls it under its title."""
    with st.container():  # even if empty, so that nothing below is redrawn when a notice goes
        for kind, message in st.session_state.pop(_NOTICES, []):
            (st.error if kind == "problem" else st.success)(plain(message))


def attempt(action: Callable[[], str | None]) -> None:
    """Run a button's action: its sentence, or its error, is shown after the rerun."""
    try:
        message = action()
    except ConvNCFError as error:
        notify(str(error), "problem")
        return
    except OSError as error:
        notify(f"The operating system refused: {error}.", "problem")
        return
    if message:
        notify(message)


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
    """The one prominent button of a panel. Returns whether it was pressed, where there is no callback."""
    text = plain(label)
    if address.theme() is figures.DARK and not disabled:
        # Streamlit writes white on the accent, which is illegible on the dark theme's light teal
        text = f':color[{text}]{{foreground="{figures.DARK.paper}"}}'
    return st.button(text, key=key, type="primary", on_click=on_click, args=args, disabled=disabled, help=help)


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
    An id in the address that is not among the options is reported, never silently replaced.
    """
    if not options:
        return None
    requested = address.chosen(parameter)
    value = next(
        (candidate for candidate in (requested, default) if candidate is not None and candidate in options), options[0]
    )
    key = f"pick:{parameter}"
    # Set before the widget is created: the address decides, also after Back and after a link from another page.
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
    if requested is not None and requested not in options:
        st.caption(
            f"{plain(label)} {plain(repr(requested))} is not available; {plain(labels(value))} is shown instead."
        )
    else:
        address.show(**{parameter: picked})
    return picked


def one_of(
    label: str,
    options: Sequence[T],
    *,
    parameter: str,
    default: T | None = None,
    labels: Callable[[T], str] = str,
    help: str | None = None,
    labelled: bool = False,
    then: Callable[[], None] | None = None,
) -> T:
    """A row of options whose choice is `?parameter=…`; a value in the address that is not among them is reported.

    Without one it takes `default`, else the first. `then` is called after a choice, before the page runs again.
    """
    requested = address.chosen(parameter)
    first = options[0] if default is None else default
    value = next((option for option in options if option == requested), first)
    key = f"choice:{parameter}"
    st.session_state[key] = value
    follow = address.follow(parameter, key)

    def chosen() -> None:
        follow()
        if then is not None:
            then()

    st.segmented_control(
        label,
        options,
        required=True,
        format_func=lambda option: plain(labels(option)),
        key=key,
        label_visibility="visible" if labelled else "collapsed",
        help=help,
        on_change=chosen,
    )
    if requested is not None and requested not in options:
        st.caption(
            f"{plain(label)} {plain(repr(requested))} is not available; {plain(labels(value))} is shown instead."
        )
    else:
        address.show(**{parameter: value})
    return value


def run_picker(
    runs: Sequence[Run], *, label: str = "Run", parameter: str = "run", default: str | None = None
) -> Run | None:
    """Pick one of these runs by name."""
    by_name = {run.name: run for run in runs}
    name = pick(label, list(by_name), parameter=parameter, default=default)
    return by_name[name] if name is not None else None
