"""convncf datasets fetch, show and filter: what makers offer, what a dataset holds, and what settings leave of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convncf import runtime
from convncf.cli.console import emit_json, err, say, table
from convncf.cli.options import Json
from convncf.errors import ConfigError, SplitError

if TYPE_CHECKING:
    from convncf.data.downloads import OnBytes
    from convncf.data.facts import Facts
    from convncf.data.filtering import Step

_Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="A name that convncf datasets lists.")]
_Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of what is divided at random.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `convncf datasets`."""
    app.command(epilog="Example: convncf datasets fetch ml-100k")(fetch)
    app.command()(show)
    app.command(
        name="filter",
        epilog="Example: convncf datasets filter ml-1m --set data.min_rating=4 --set data.min_user=5",
    )(filter_)


def fetch(
    download: Annotated[str, typer.Argument(metavar="NAME", help="ml-100k, ml-1m or ml-latest-small.")],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; else as above.")] = None,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="The archive, where it is here already.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Another address of the archive, such as a mirror.")] = None,
    any_version: Annotated[
        bool, typer.Option("--any-version", help="Take an archive with another checksum, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Download a dataset from its maker and keep it; the archive is held against its checksum."""
    from convncf.data import catalogue, downloads
    from convncf.data.facts import facts_of

    home = runtime.home()
    offered = downloads.known(download)
    say(f"{offered.title}: {offered.licence}.")
    with _Bytes(None if file else url or offered.url) as bar:
        got = downloads.fetch(
            download, home, as_name=name, file=file, url=url, any_version=any_version, on_bytes=bar.told
        )
    entry = got.entry
    dataset = catalogue.load(entry.name, home)
    report, hints = dataset.report or {}, facts_of(dataset).hints
    counts = {"users": entry.n_users, "items": entry.n_items, "interactions": entry.n_interactions}
    if as_json:
        told = {"dataset": entry.name, **counts, "fingerprint": entry.fingerprint, "verified": got.verified}
        told |= {"licence": offered.licence, "notes": list(got.notes)}
        emit_json(told | {"report": report, "hints": list(hints)})
    else:
        table(["dataset", *counts, "fingerprint"], [(entry.name, *counts.values(), entry.fingerprint)])
    for sentence in (*got.notes, *report.get("sentences", ()), *hints):
        say(sentence)
    say(f"next: convncf train --dataset {entry.name}")


def show(name: _Dataset, as_json: Json = False) -> None:
    """Show what a dataset holds: counts, times, ratings, how it came divided, and how training would divide it."""
    from convncf.config import DataConfig
    from convncf.data import catalogue
    from convncf.data.facts import facts_of, split_facts
    from convncf.data.splitting import split

    dataset = catalogue.load(name, runtime.home())
    facts = facts_of(dataset)
    fingerprint = dataset.fingerprint  # refuses a dataset that was changed
    try:
        parts = split_facts(split(dataset, DataConfig(dataset=name), 1))
    except SplitError as error:
        parts = {"problem": str(error)}
    sentences = list((dataset.report or {}).get("sentences", ()))
    if as_json:
        told = {"dataset": name, "source": dataset.source, "fingerprint": fingerprint} | asdict(facts)
        emit_json(told | {"hints": list(facts.hints), "split": parts, "sentences": sentences})
        return
    table([name, ""], [*_fact_rows(facts), *_split_rows(parts), ("fingerprint", fingerprint)], left=2)
    for note in parts.get("notes", ()):
        say(_sentence(f"Split: {note}"))
    say(_sentence(f"Source: {dataset.source}"))
    for sentence in (*facts.hints, *sentences):
        say(sentence)


def filter_(
    name: _Dataset,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting such as data.min_user=5; may be given again."),
    ] = None,
    seed: _Seed = 1,
    as_json: Json = False,
) -> None:
    """Show what settings would leave of a dataset, step by step, and how that would be divided; nothing is changed."""
    from convncf.config import parse_setting, resolve
    from convncf.data import catalogue
    from convncf.data.facts import split_facts
    from convncf.data.filtering import apply_filters
    from convncf.data.splitting import split

    chosen = list(set_ or [])
    for text in chosen:
        key, _ = parse_setting(text)
        if not key.startswith("data.") or key == "data.dataset":
            raise ConfigError(
                f"setting {key} does not say which interactions count. Give settings that begin with data., such as "
                "--set data.min_user=5; the dataset is the command's argument."
            )
    config = resolve(dataset=name, seed=seed, settings=chosen).config
    dataset = catalogue.load(name, runtime.home())
    filtered = apply_filters(dataset, config.data)
    problem, parts = None, {}
    try:
        parts = split_facts(split(filtered.dataset, config.data, seed, filtered.below))
    except SplitError as error:
        problem = str(error)
    if as_json:
        told = {"dataset": name, "settings": config.data.model_dump(), "ledger": [asdict(s) for s in filtered.ledger]}
        emit_json(told | {"split": parts or {"problem": problem}})
        return
    table(["step", "users", "items", "interactions"], [_step_row(step) for step in filtered.ledger])
    if problem:
        say(f"It could not be divided: {problem}")
        return
    table(["split", ""], _split_rows(parts), left=2)
    for note in parts["notes"]:
        say(_sentence(f"Split: {note}"))


def _fact_rows(facts: Facts) -> list[tuple[str, str]]:
    rows = [
        ("users", f"{facts.users:,}"),
        ("items", f"{facts.items:,}, {facts.titled:,} with a title"),
        ("interactions", f"{facts.interactions:,}, {100 * facts.density:.3g}% of the pairs"),
    ]
    for whose, spread in (("a user", facts.per_user), ("an item", facts.per_item)):
        rows.append((f"{whose} has", f"{spread.fewest:,} to {spread.most:,}, half at most {spread.median:,g}"))
    rows.append(("times", "none" if facts.first is None else f"{facts.first} to {facts.last}"))
    rows.append(
        ("ratings", "none" if facts.ratings is None else f"{facts.ratings.lowest:g} to {facts.ratings.highest:g}")
    )
    if facts.came_divided:
        rows.append(("came divided", _sizes(facts.came_divided)))
    if (sets := facts.candidates) is not None:
        each = f"{sets.most:,}" if sets.fewest == sets.most else f"{sets.fewest:,} to {sets.most:,}"
        rows.append(("candidate sets", f"{sets.sets:,} with {each} negatives, {sets.fingerprint}"))
    return rows


def _split_rows(parts: dict[str, Any]) -> list[tuple[str, str]]:
    if "problem" in parts:
        return [("default split", f"none: {parts['problem']}")]
    rows = [("divided", f"{parts['method']}: {_sizes(parts)}")]
    if "rated_lower" in parts:
        rows.append(("rated lower", f"{parts['rated_lower']:,}, {parts['low_rated']}"))
    return rows


def _sizes(parts: dict[str, Any]) -> str:
    return f"{parts['train']:,} training, {parts['validation']:,} validation, {parts['test']:,} test"


def _sentence(words: str) -> str:
    return words if words.endswith((".", "…")) else f"{words}."


def _step_row(step: Step) -> tuple[str, int, int, int]:
    return (step.what, step.users, step.items, step.interactions)


class _Bytes:
    """A bar of what has come, on stderr, where that is a terminal; else a line at the beginning."""

    def __init__(self, address: str | None) -> None:
        from rich import progress as bars

        self._bar = bars.Progress(
            bars.BarColumn(),
            bars.DownloadColumn(),
            bars.TransferSpeedColumn(),
            console=err(),
            disable=not err().is_terminal or address is None,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        if address is not None:
            say(f"fetching {address}")

    def __enter__(self) -> _Bytes:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def told(self) -> OnBytes:
        """Takes the bytes that have come and the total."""
        return lambda done, total: self._bar.update(self._task, completed=done, total=total)
