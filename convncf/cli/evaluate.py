"""convncf evaluate: a saved run's figures afresh, by its own protocol or another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer
from typer.core import TyperCommand

from convncf.cli.console import TrainingDisplay, say
from convncf.cli.options import FRAME_KINDS, Json, RunName, refuse_unwritable, write_frame
from convncf.cli.report import show_report
from convncf.config import EvalConfig
from convncf.errors import ConfigError, did_you_mean
from convncf.models.settings import resolve
from convncf.runtime import files as runtime_files

if TYPE_CHECKING:
    from convncf.evaluation.baselines import RunEvaluation
    from convncf.workflow.loading import LoadedRun

_SETS: Final[Mapping[str, Mapping[str, str]]] = {
    "drawn": {"eval.candidate_sets": "drawn"},
    "stored": {"eval.candidate_sets": "stored"},
    "cleaned": {"eval.candidate_sets": "stored", "eval.stored_sets": "cleaned"},
    "published": {"eval.candidate_sets": "stored", "eval.stored_sets": "as published"},
}
_EXAMPLES: Final = (
    "Examples: convncf evaluate demo-mf --k 1,5,50\n\nconvncf evaluate demo-mf --protocol both --negatives 99"
)


class _WithFormulas(TyperCommand):
    """Its help tells what each metric is; they are looked up then, since their module loads numpy."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from convncf.evaluation.metrics import FORMULAS, WITHOUT_K

        lines = [f"{name if name in WITHOUT_K else f'{name}@K'}: {formula}" for name, formula in FORMULAS.items()]
        told = "Metrics of a user with n test items, whose mean over users is reported:"
        self.epilog = "\n\n".join([told, *lines, _EXAMPLES])
        super().format_help(ctx, formatter)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(cls=_WithFormulas, epilog=_EXAMPLES)(evaluate)


def evaluate(
    run: RunName,
    protocol: Annotated[
        str | None,
        typer.Option(help="full, candidates (each test item among negatives) or both; else the run's own."),
    ] = None,
    negatives: Annotated[
        int | None, typer.Option(min=1, help="Negatives drawn for each test item; fewer where fewer exist.")
    ] = None,
    k: Annotated[str | None, typer.Option("--k", metavar="K,K,…", help="Cut-offs, such as 1,5,10.")] = None,
    sets: Annotated[
        str | None,
        typer.Option(
            help="Candidate sets: drawn, or stored (those that came with the data, cleaned unless the run says "
            "otherwise), or by name: cleaned, published (as they came)."
        ),
    ] = None,
    cold: Annotated[
        str | None,
        typer.Option(help="Test items that training never saw: ranked, misses (0 in every metric) or left out."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Draws the candidate sets, in the place of the run's seed: the same for several runs."),
    ] = None,
    per_user: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write each user's value in every metric: a .parquet or .csv."),
    ] = None,
    ranks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write each test item's rank (of both protocols, by full ranking): as above."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Evaluate a saved run afresh on validation and test; the numbers of train come out again.

    With options, by another protocol; the run stays as it is. Ties count against the test item.
    """
    from convncf.runs import RunStore

    home = runtime_files.home()
    found = RunStore(home).open(run)  # refuses before torch is loaded
    asked = _settings(protocol, negatives, k, sets, cold)
    files = {name: file for name, file in (("--per-user", per_user), ("--ranks", ranks)) if file is not None}
    for option, file in files.items():
        refuse_unwritable(option, file, force=force, kinds=FRAME_KINDS)
    if len(set(files.values())) < len(files):
        raise ConfigError(f"--per-user and --ranks both name {per_user}. Give each a file of its own.")
    found.config()  # says so where the file is damaged
    if found.extension():
        say(f"{run} is {found.extension()}: these figures are of the best epoch so far")
    evaluation = resolve(file=found.path / "config.json", settings=asked).config.eval if asked else None
    if seed is not None:
        _refuse_idle_seed(seed, evaluation or found.config().eval)
    display = TrainingDisplay(found.config().eval.monitor)
    from convncf.workflow.reporting import evaluate_run

    def write(loaded: LoadedRun, evaluation: RunEvaluation) -> None:
        known = loaded.dataset.interactions
        for file, frame in (
            (per_user, partial(evaluation.per_user, known.users)),
            (ranks, partial(evaluation.ranks, known.users, known.items)),
        ):
            if file is not None:
                write_frame(file, made := frame())
                say(f"wrote {file}: {len(made):,} rows")

    with display.shown():
        report = evaluate_run(
            found, evaluation=evaluation, seed=seed, progress=display.progress, begun=say, judged=write
        )
    show_report(report, as_json=as_json)
    if seed is not None and not any("drawn" in view["protocol"] for view in report["protocols"]):
        say(f"--seed {seed} drew no set of the test part: those came with the data")


def _refuse_idle_seed(seed: int, evaluation: EvalConfig) -> None:
    if evaluation.protocol == "full" or evaluation.candidate_sets == "stored":
        raise ConfigError(
            f"--seed {seed} draws candidate sets, and here none are drawn. Add --protocol candidates --sets drawn."
        )


def _settings(
    protocol: str | None, negatives: int | None, k: str | None, sets: str | None, cold: str | None
) -> dict[str, Any]:
    """What the options ask for, by key; the settings' own checks come after."""
    asked: dict[str, Any] = {} if negatives is None else {"eval.negatives": negatives}
    for name, value in (("protocol", protocol), ("cold", cold)):
        if value is not None:
            asked[f"eval.{name}"] = _one_of(name, value)
    if k is not None:
        asked["eval.ks"] = _cut_offs(k)
    if sets is not None:
        if sets not in _SETS:
            raise ConfigError(f"--sets {sets!r} does not exist. {did_you_mean(sets, _SETS)}")
        asked |= _SETS[sets]
    return asked


def _one_of(name: str, value: str) -> str:
    """The value of --NAME, which is to be one of those that the setting eval.NAME can have."""
    choices = [str(choice) for choice in get_args(EvalConfig.model_fields[name].annotation)]
    if value not in choices:
        raise ConfigError(f"--{name} {value!r} does not exist. Give {', '.join(choices[:-1])} or {choices[-1]}.")
    return value


def _cut_offs(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise ConfigError(f"--k {text!r} is no list of whole numbers. Write them with commas, such as --k 1,5,10.")
    return [int(part) for part in parts]
