"""convncf datasets: list, add, fetch, show, filter and delete datasets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convncf.cli.console import ask, emit_json, err, say, table
from convncf.cli.options import Json
from convncf.cli.reading_options import with_read_options
from convncf.data.reading.options import ReadOptions
from convncf.errors import ConfigError, SplitError
from convncf.runtime import files
from convncf.runtime import files as runtime_files

if TYPE_CHECKING:
    from convncf.data.downloads import OnBytes
    from convncf.data.filtering import Step
    from convncf.data.statistics import DatasetStatistics

app = typer.Typer(
    help="List (without a command), add, fetch, show, filter and delete datasets.", invoke_without_command=True
)


@app.callback()
def _datasets(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_(as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the datasets: those that come with the project, then your own."""
    from convncf.data import catalogue

    home = runtime_files.home()
    entries = catalogue.entries(home)
    if as_json:
        emit_json({"datasets": [asdict(entry) for entry in entries], "home": str(home)})
        return
    rows = [
        (e.name, "embedded" if e.embedded else "imported", e.n_users, e.n_items, e.n_interactions, e.fingerprint)
        for e in entries
        if not e.problem
    ]
    table(["dataset", "kind", "users", "items", "interactions", "fingerprint"], rows, left=2)
    for entry in entries:
        if entry.problem:
            say(f"{entry.name} cannot be read: {entry.problem}")


@app.command("add", epilog="Example: convncf datasets add sales.csv --name shop --user-column buyer --item-column sku")
@with_read_options
def add(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Interactions: CSV or the like, Parquet, JSON lines, RecBole, MovieLens, NCF and LightGCN files, also "
            "as .gz, in a .zip or in a folder; a predefined split and titles may be in the same folder.",
        ),
    ],
    options: ReadOptions,
    name: Annotated[str | None, typer.Option(help="Name of the dataset; else made from the file's name.")] = None,
    as_json: Json = False,
) -> None:
    """Read files and keep them as a dataset; dropped rows are counted, with line numbers."""
    from convncf.data import catalogue
    from convncf.data.statistics import dataset_statistics

    home = runtime_files.home()
    dataset_name = name or catalogue.free_name(catalogue.stem(files[0]), home)
    entry = catalogue.add(files, dataset_name, home, options=options)
    dataset = catalogue.load(dataset_name, home)
    report, hints = dataset.report or {}, dataset_statistics(dataset).hints
    if as_json:
        counts = {"users": entry.n_users, "items": entry.n_items, "interactions": entry.n_interactions}
        parts = {"train" if part == "training" else part: n for part, n in (report.get("split") or {}).items()}
        result = {"dataset": entry.name, **counts, **parts, "fingerprint": entry.fingerprint, "report": report}
        emit_json(result | {"hints": list(hints)})
    else:
        counted = [(entry.name, entry.n_users, entry.n_items, entry.n_interactions, entry.fingerprint)]
        table(["dataset", "users", "items", "interactions", "fingerprint"], counted)
    for sentence in (*report.get("sentences", ()), *hints):
        say(sentence)
    if entry_parts := report.get("split"):
        validation = "" if entry_parts["validation"] else "; validation gets one random training item a user"
        say(f"Its predefined split is used (data.split=auto){validation}.")
    say(f"next: convncf train --dataset {entry.name}")


@app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(metavar="DATASET", help="Name of a dataset that you added.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a dataset that you added; runs on it keep their figures, but cannot be inspected any more."""
    from convncf.data import catalogue

    if not yes:
        ask(f"Delete dataset {name}?")
    catalogue.delete(name, runtime_files.home())
    say(f"deleted dataset {name}")


_Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="A name that convncf datasets lists.")]
_Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of random splits.")]


@app.command("fetch", epilog="Example: convncf datasets fetch ml-100k")
def fetch(
    download: Annotated[str, typer.Argument(metavar="NAME", help="ml-100k, ml-1m or ml-latest-small.")],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; else as above.")] = None,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="The archive, if it was downloaded already.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Another address of the archive, such as a mirror.")] = None,
    any_version: Annotated[
        bool, typer.Option("--any-version", help="Accept an archive with another checksum too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Download a published dataset and keep it; the checksum of the archive is verified."""
    from convncf.data import catalogue, downloads
    from convncf.data.statistics import dataset_statistics

    home = files.home()
    published = downloads.known(download)
    say(f"{published.title}: {published.licence}.")
    with _Bytes(None if file else url or published.url) as bar:
        fetched = downloads.fetch(
            download, home, as_name=name, file=file, url=url, any_version=any_version, on_bytes=bar.on_bytes
        )
    entry = fetched.entry
    dataset = catalogue.load(entry.name, home)
    report, hints = dataset.report or {}, dataset_statistics(dataset).hints
    counts = {"users": entry.n_users, "items": entry.n_items, "interactions": entry.n_interactions}
    if as_json:
        result = {"dataset": entry.name, **counts, "fingerprint": entry.fingerprint, "verified": fetched.verified}
        result |= {"licence": published.licence, "notes": list(fetched.notes)}
        emit_json(result | {"report": report, "hints": list(hints)})
    else:
        table(["dataset", *counts, "fingerprint"], [(entry.name, *counts.values(), entry.fingerprint)])
    for sentence in (*fetched.notes, *report.get("sentences", ()), *hints):
        say(sentence)
    say(f"next: convncf train --dataset {entry.name}")


@app.command("show")
def show(name: _Dataset, as_json: Json = False) -> None:
    """Show statistics of a dataset: counts, times, ratings, its predefined split, and the split that training uses."""
    from convncf.config import DataConfig
    from convncf.data import catalogue
    from convncf.data.splitting import split
    from convncf.data.statistics import dataset_statistics, split_summary

    dataset = catalogue.load(name, files.home())
    statistics = dataset_statistics(dataset)
    fingerprint = dataset.fingerprint  # refuses a dataset that was changed
    try:
        parts = split_summary(split(dataset, DataConfig(dataset=name), 1))
    except SplitError as error:
        parts = {"problem": str(error)}
    sentences = list((dataset.report or {}).get("sentences", ()))
    if as_json:
        result = {"dataset": name, "source": dataset.source, "fingerprint": fingerprint} | asdict(statistics)
        emit_json(result | {"hints": list(statistics.hints), "split": parts, "sentences": sentences})
        return
    table([name, ""], [*_statistic_rows(statistics), *_split_rows(parts), ("fingerprint", fingerprint)], left=2)
    for note in parts.get("notes", ()):
        say(_sentence(f"Split: {note}"))
    say(_sentence(f"Source: {dataset.source}"))
    for sentence in (*statistics.hints, *sentences):
        say(sentence)


@app.command("filter", epilog="Example: convncf datasets filter ml-1m --set data.min_rating=4 --set data.min_user=5")
def filter_(
    name: _Dataset,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting such as data.min_user=5; may be given again."),
    ] = None,
    seed: _Seed = 1,
    as_json: Json = False,
) -> None:
    """Show the effect of filter settings on a dataset, step by step, and the split after them; nothing is changed."""
    from convncf.data import catalogue
    from convncf.data.filtering import apply_filters
    from convncf.data.splitting import split
    from convncf.data.statistics import split_summary
    from convncf.models.settings import parse_setting, resolve

    settings = list(set_ or [])
    for text in settings:
        key, _ = parse_setting(text)
        if not key.startswith("data.") or key == "data.dataset":
            raise ConfigError(
                f"setting {key} does not filter interactions. Give settings that begin with data., such as "
                "--set data.min_user=5; the dataset is the command's argument."
            )
    config = resolve(dataset=name, seed=seed, settings=settings).config
    dataset = catalogue.load(name, files.home())
    filtered = apply_filters(dataset, config.data)
    problem, parts = None, {}
    try:
        parts = split_summary(split(filtered.dataset, config.data, seed, filtered.below))
    except SplitError as error:
        problem = str(error)
    if as_json:
        result = {"dataset": name, "settings": config.data.model_dump(), "steps": [asdict(s) for s in filtered.steps]}
        emit_json(result | {"split": parts or {"problem": problem}})
        return
    table(["step", "users", "items", "interactions"], [_step_row(step) for step in filtered.steps])
    if problem:
        say(f"It could not be split: {problem}")
        return
    table(["split", ""], _split_rows(parts), left=2)
    for note in parts["notes"]:
        say(_sentence(f"Split: {note}"))


def _statistic_rows(statistics: DatasetStatistics) -> list[tuple[str, str]]:
    rows = [
        ("users", f"{statistics.users:,}"),
        ("items", f"{statistics.items:,}, {statistics.titled:,} with a title"),
        ("interactions", f"{statistics.interactions:,}, {100 * statistics.density:.3g}% of the pairs"),
    ]
    for subject, spread in (("a user", statistics.per_user), ("an item", statistics.per_item)):
        rows.append((f"{subject} has", f"{spread.fewest:,} to {spread.most:,}, half at most {spread.median:,g}"))
    rows.append(("times", "none" if statistics.first is None else f"{statistics.first} to {statistics.last}"))
    rows.append(
        (
            "ratings",
            "none"
            if statistics.ratings is None
            else f"{statistics.ratings.lowest:g} to {statistics.ratings.highest:g}",
        )
    )
    if statistics.predefined_split:
        rows.append(("predefined split", _sizes(statistics.predefined_split)))
    if (sets := statistics.candidates) is not None:
        sizes = f"{sets.most:,}" if sets.fewest == sets.most else f"{sets.fewest:,} to {sets.most:,}"
        rows.append(("candidate sets", f"{sets.sets:,} with {sizes} negatives, {sets.fingerprint}"))
    return rows


def _split_rows(parts: dict[str, Any]) -> list[tuple[str, str]]:
    if "problem" in parts:
        return [("default split", f"none: {parts['problem']}")]
    rows = [("split", f"{parts['method']}: {_sizes(parts)}")]
    if "rated_lower" in parts:
        rows.append(("rated lower", f"{parts['rated_lower']:,}, {parts['low_rated']}"))
    return rows


def _sizes(parts: dict[str, Any]) -> str:
    return f"{parts['train']:,} training, {parts['validation']:,} validation, {parts['test']:,} test"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "…")) else f"{text}."


def _step_row(step: Step) -> tuple[str, int, int, int]:
    return (step.what, step.users, step.items, step.interactions)


class _Bytes:
    """A progress bar of received bytes on stderr where that is a terminal; else a line at the beginning."""

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
    def on_bytes(self) -> OnBytes:
        """Takes the bytes received and the total."""
        return lambda done, total: self._bar.update(self._task, completed=done, total=total)
