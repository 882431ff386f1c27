"""The options of a command that reads a file: those of `convncf.data.reading.options`, made from their words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from convncf.data.reading.options import ROLES, OptionWords, ReadOptions, RoleWords, option_words


def with_read_options(command: Callable[..., None], only: Collection[str] = ()) -> Callable[..., None]:
    """A command that takes `options`, a ReadOptions, as one with an option a column and one a field of it.

    What each is called, and its help, stand in `convncf.data.reading.options`. `only` names the roles and fields that
    the command has, where it has not all.
    """
    signature = inspect.signature(command, eval_str=True)
    roles = {words.option.replace("-", "_"): role for role, words in ROLES.items() if not only or role in only}
    names = {name: words for name, words in option_words().items() if not only or name in only}
    added = [
        _keyword(name, str | None, None, typer.Option(help=_column_help(ROLES[role]))) for name, role in roles.items()
    ]
    added += [_field_parameter(name, words) for name, words in names.items()]
    if not only:
        alone = typer.Option("--alone", help="Read nothing that lies beside the file.")
        added.append(_keyword("alone", bool, False, alone))

    @functools.wraps(command)
    def with_them(**given: Any) -> None:
        columns = {role: column for name, role in roles.items() if (column := given.pop(name)) is not None}
        fields = {name: given.pop(name) for name in names}
        fields |= {"companions": not given.pop("alone")} if not only else {}
        command(**given, options=ReadOptions(columns=columns, **fields))

    own = [each for each in signature.parameters.values() if each.name != "options"]
    before = [each for each in own if each.default is inspect.Parameter.empty]
    rest = [each for each in own if each.default is not inspect.Parameter.empty]
    parameters = [*before, *added, *rest]
    with_them.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # typer asks for it
        [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    )
    with_them.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_them


def _column_help(words: RoleWords) -> str:
    unless = "guessed when not given" if words.required else 'guessed when not given, not read when ""'
    return f"Name, or number without a header, of the column that holds {words.holds}; {unless}."


def _field_parameter(name: str, words: OptionWords) -> inspect.Parameter:
    """The option of a field of ReadOptions."""
    default = getattr(ReadOptions(), name)
    kind: Any = {"titles": Path, "header": bool}.get(name, str)
    listed = f" {' or '.join(words.values)}." if words.values and not words.free and kind is str else ""
    unless = "" if default is not None or not words.values else " Detected when not given."
    flag = (f"--{name}/--no-{name}",) if kind is bool else ()
    option = typer.Option(*flag, help=f"{words.help}{listed}{unless}")
    return _keyword(name, kind if default is not None else kind | None, default, option)


def _keyword(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
