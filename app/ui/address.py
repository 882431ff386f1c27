"""State of a page: the workbench's folder, the theme, and what is chosen, which the page's address holds.

The address alone decides what is chosen (`?run=…&user=…&item=…`, raw ids), so that every view can be shared and
survives a reload. The session remembers a page while the visitor is on another one: a link without parameters, as in
the menu, restores the page as it was; a link with parameters, and the browser's Back, give every choice themselves.
Nothing else is shared between two visitors: no object, no module-level value.

Opening a page is one step of the browser's history. Streamlit would add a step for each parameter that is written,
sometimes to the previous page; assets/address.js turns those into replacements of the page's own address.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from convncf import figures
from convncf.figures.channels import SCALES
from convncf.figures.maps import ORDERS
from convncf.runs import Run, RunStore
from convncf.runtime import files

MOST_COMPARED: Final = 4


def home() -> Path:
    """The folder with runs and datasets; the same that the command line uses."""
    return files.home()


def store() -> RunStore:
    """All runs under that home."""
    return RunStore(home())


def selectable_runs() -> tuple[Run, ...]:
    """Runs to choose from, newest first, without archived ones that the address does not name; all if none is left."""
    runs, named = store().all(), values("run")
    return tuple(run for run in runs if run.name in named or not run.labels().archived) or runs


def read_only() -> bool:
    """Whether this server is read-only (`CONVNCF_READ_ONLY=1`), so that nothing is launched, changed or deleted."""
    return os.environ.get("CONVNCF_READ_ONLY", "").strip().lower() not in ("", "0", "false", "no")


def theme() -> figures.Theme:
    """The figures' theme that matches the page's; light until the browser has reported its own."""
    return figures.DARK if st.context.theme.type == "dark" else figures.LIGHT


def run_order(runs: tuple[Run, ...] | None = None) -> tuple[str, ...]:
    """Names of all runs: a run's position decides its colour on every page, and stays when other runs are deleted.

    The position is the run's own number; where that is missing or taken (an older version's run, a folder that was
    copied or cannot be read) the first free position, by age. A position without a run holds "".
    """
    all_runs = store().all() if runs is None else runs
    by_position: dict[int, str] = {}
    unnumbered: list[str] = []
    for run in sorted(all_runs, key=lambda run: (not run.created, run.created, run.name)):
        if run.number is None or run.number in by_position:
            unnumbered.append(run.name)
        else:
            by_position[run.number] = run.name
    free_positions = (position for position in itertools.count() if position not in by_position)
    by_position |= dict(zip(free_positions, unnumbered, strict=False))
    return tuple(by_position.get(position, "") for position in range(max(by_position, default=-1) + 1))


# ---------------------------------------------------------------- parameters
@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a page's address, as text; several values are repeated parameters of the same name."""

    name: str
    default: tuple[str, ...] = ()
    """What its absence means: omitted from the address. Empty where what is shown first depends on the data."""
    shared: bool = False
    """Whether a choice on one page is the choice on every page that has it."""
    remembered: bool = True
    """Whether the session keeps it while the visitor is on another page."""
    of_run: bool = False
    """Whether it is meaningless in another run."""


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page as the menu and the address know it."""

    help: str
    """What is there, for the menu."""
    parameters: tuple[Parameter, ...]
    """Of its address."""


def _fixed(**defaults: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, (default,)) for name, default in defaults.items())


_RUN, _USER, _ITEM = (Parameter(name, shared=True) for name in ("run", "user", "item"))
_DATASET: Final = Parameter("dataset", shared=True)
_PRESENT: Final = Parameter("present", shared=True)
MENU: Final[Mapping[str, PageEntry]] = {
    "start": PageEntry("What is being trained, and the next step.", ()),
    "data": PageEntry("Datasets, and adding your own.", (_DATASET, Parameter("upload"), Parameter("settings"))),
    "train": PageEntry(
        "Train a model and watch it learn.", (_RUN, _DATASET, Parameter("settings"), *_fixed(along="epoch", smooth="0"))
    ),
    "runs": PageEntry(
        "Every run: sort, rename, annotate, compare.",
        (
            *(Parameter("run"), Parameter("search"), Parameter("columns")),
            *_fixed(
                state="*", dataset="*", model="*", tag="*", archived="no", metric="own", sort="created", order="down"
            ),
        ),
    ),
    "inspect": PageEntry(
        "Look inside one prediction.",
        (
            *(_RUN, _USER, _ITEM, Parameter("epoch", of_run=True), Parameter("layer", ("1",), of_run=True)),
            *_fixed(list="top", order=ORDERS[0], scale=SCALES[0]),
            *(Parameter("look"), *_fixed(method="integrated", space="popularity")),
            *(Parameter(name, remembered=False) for name in ("channel", "cell", "beside", "moment")),
            Parameter("keep", ("all",), remembered=False),
            *(Parameter(name, remembered=False) for name in ("zero_user", "zero_item", "block", "as_user")),
        ),
    ),
    "compare": PageEntry(
        "Models beside each other.",
        (
            *(Parameter("run"), _USER, _ITEM, Parameter("cutoff"), Parameter("against")),
            *_fixed(intervals="no", along="epoch", smooth="0", part="pair", order=ORDERS[0], layer="1"),
            *_fixed(align="none", channels="beside"),
            *(Parameter(name, remembered=False) for name in ("other", "runs")),
        ),
    ),
    "recommend": PageEntry(
        "Recommendations for any user.",
        (
            *(Parameter("run"), _USER, _ITEM, Parameter("genre"), Parameter("like"), Parameter("inside")),
            *(*_fixed(whose="user", k="10", popular="0"), Parameter("pairs")),
        ),
    ),
    "learn": PageEntry(
        "The method, step by step.",
        (
            *(
                _RUN,
                _USER,
                _ITEM,
                *_fixed(step="1", dimension="0", layer="1", terms="0", taken="0", rate="1", draw="0"),
            ),
            *(Parameter(name, of_run=True) for name in ("filter", "place", "channel")),
            Parameter("guess", remembered=False),
        ),
    ),
}
"""Page name -> its entry, in the order in which a newcomer opens them; its file is views/NAME/page.py."""
PAGES: Final = {name: f"views/{name}/page.py" for name in MENU}
"""Page name -> its file, for links from one page to another."""
_PARAMETERS: Final = {
    page: {parameter.name: parameter for parameter in (*entry.parameters, _PRESENT)} for page, entry in MENU.items()
}
_PAGE: Final = "address:page"
_FIRST: Final = "address:first"
"""In the session: the page that is open, and whether the browser has not drawn any page yet."""


def values(name: str) -> list[str]:
    """All distinct values of a parameter in the address, in its order; else its default."""
    distinct = list(dict.fromkeys(value for value in st.query_params.get_all(name) if value))
    return distinct or list(_declared(name).default)


def value(name: str) -> str | None:
    """The value of a parameter that has one, as the address has it; None where the address has none."""
    return st.query_params.get(name) or None


def chosen(name: str) -> str | None:
    """The value in the address, else its default, else the session's last choice on any page."""
    choice = value(name) or next(iter(_declared(name).default), None)
    if choice is None and _declared(name).shared:
        choice = shared_choice(name)
    return choice


def chosen_here(name: str) -> str | None:
    """The value in the address, else the last choice on this page, else the default."""
    last = next(iter(_memory(_page()).get(name, ())), None)
    return value(name) or last or next(iter(_declared(name).default), None)


def cleared(name: str) -> bool:
    """Whether the last value was removed on this page, rather than none ever chosen."""
    return not value(name) and _memory(_page()).get(name) == []


def shared_choice(name: str) -> str | None:
    """The choice of the pages that share this parameter, for a page with its own parameter of that name."""
    return next(iter(st.session_state.get(_shared_key(name), ())), None)


def renamed(name: str, old: str, new: str | None) -> None:
    """An id was renamed, or is gone (None): update it for the pages that share it."""
    if shared_choice(name) == old:
        if new is None:
            st.session_state.pop(_shared_key(name), None)
        else:
            st.session_state[_shared_key(name)] = [new]


def choose(**chosen: str | Sequence[str] | None) -> None:
    """Choose, in the address and in the session; None removes a choice."""
    show(**chosen)
    for name, value in chosen.items():
        if _declared(name).shared:
            st.session_state[_shared_key(name)] = _as_list(value)


def show(**shown: str | Sequence[str] | None) -> None:
    """Write what is shown into the page's address, without making it another page's choice."""
    page = _page()
    memory = _memory(page)
    after = {name: st.query_params.get_all(name) for name in st.query_params}
    before = dict(after)
    for name, value in shown.items():
        parameter = _declared(name)
        texts = _as_list(value)
        if parameter.remembered:
            memory[name] = texts
        if texts and tuple(texts) != parameter.default:
            after[name] = texts
        else:
            after.pop(name, None)
    st.session_state[_memory_key(page)] = memory
    if after != before:
        _write(after)


def follow(name: str, key: str, *removed: str) -> Callable[[], None]:
    """For a widget's `on_change`: choose the value of the widget at `key`, and remove the parameters `removed`."""

    def changed() -> None:
        value = st.session_state[key]
        texts = value if isinstance(value, list | tuple) else [] if value is None else [value]
        choose(**{name: list(map(str, texts))}, **dict.fromkeys(removed))

    return changed


def forget(*names: str) -> None:
    """Remove parameters from the address; the session keeps them."""
    after = {name: st.query_params.get_all(name) for name in st.query_params if name not in names}
    if len(after) < len(st.query_params):
        _write(after)


def go(page: str, **ids: str) -> None:
    """Open another page with these ids in its address. Ends the script that calls it."""
    for name, value in ids.items():
        if _PARAMETERS[page].get(name, _PRESENT).shared:
            st.session_state[_shared_key(name)] = [value]
    st.switch_page(PAGES[page], query_params=ids)


# ---------------------------------------------------------------- the browser's history
def arrive(page: str) -> None:
    """Before a page is drawn: one that is opened without parameters gets back those that it had."""
    previous = st.session_state.get(_PAGE)
    st.session_state[_PAGE] = page
    if previous is None:
        st.session_state[_FIRST] = True
    if previous == page and not _by_history():
        return
    if len(st.query_params) or _by_history():
        st.session_state[_memory_key(page)] = {}
        return
    memory = _memory(page)
    run, previous_run = shared_choice("run"), next(iter(memory.get("run", ())), None)
    other_run = _PARAMETERS[page].get("run") is _RUN and run is not None and previous_run not in (None, run)
    restored: dict[str, str | Sequence[str] | None] = {}
    for name, value in memory.items():
        parameter = _PARAMETERS[page][name]
        if not parameter.shared and not (parameter.of_run and other_run):
            restored[name] = value
        elif parameter.shared and _shared_key(name) in st.session_state:
            restored[name] = st.session_state[_shared_key(name)]
    show(**restored)


def settle(titles: Mapping[str, str]) -> None:
    """After a page is drawn: let the browser replace addresses from here on. `titles`: a page's title -> its path."""
    memory = _memory(_page())
    memory |= {name: values(name) for name in st.query_params if _declared(name).remembered}
    st.session_state[_memory_key(_page())] = memory
    first = st.session_state.pop(_FIRST, False)
    script = _SCRIPT.read_text(encoding="utf-8").replace("PAGES //", f"{json.dumps(dict(titles))} //")
    if first:  # so far written on the server alone: the browser did not have the script above yet
        query = json.dumps(urlencode({name: st.query_params.get_all(name) for name in st.query_params}, doseq=True))
        search = f"{query} ? '?' + {query} : ''"
        script += f"\n;history.replaceState(history.state, '', location.pathname + ({search}))"
    with st.container(key="address"):
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


HIDDEN: Final = ".st-key-address {display: none}"
"""A CSS rule: what `settle` puts onto the page takes no room."""
_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "address.js"


def _write(after: Mapping[str, Sequence[str]]) -> None:
    context = get_script_run_ctx()
    if context is None or not st.session_state.get(_FIRST):
        st.query_params.from_dict({name: list(values) for name, values in after.items()})
        return
    with context.session_state.query_params() as parameters:  # without a message to the browser: see `settle`
        parameters.clear_with_no_forward_msg(preserve_embed=True)
        for name, values in after.items():
            parameters.set_with_no_forward_msg(name, list(values))
    context.query_string = urlencode({name: list(values) for name, values in after.items()}, doseq=True)


def _by_history() -> bool:
    context: Any = get_script_run_ctx()
    return bool(getattr(context, "is_history_navigation", False))


def _page() -> str:
    return str(st.session_state.get(_PAGE, "start"))


def _declared(name: str) -> Parameter:
    return _PARAMETERS[_page()].get(name) or Parameter(name, remembered=False)


def _memory(page: str) -> dict[str, list[str]]:
    return dict(st.session_state.get(_memory_key(page), {}))


def _memory_key(page: str) -> str:
    return f"address:of:{page}"


def _shared_key(name: str) -> str:
    return f"chosen:{name}"


def _as_list(value: str | Sequence[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
