"""convncf train: train a model, or the same under several seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convncf.cli.console import TrainingDisplay, emit_json, say
from convncf.cli.options import Json, Model, Preset
from convncf.cli.report import finish
from convncf.cli.seeds import show_group
from convncf.errors import ConfigError, ConvNCFError, RunExistsError, TrainingStopped
from convncf.models.settings import Resolved, resolve
from convncf.runs import Run
from convncf.runtime import files

if TYPE_CHECKING:
    from convncf.workflow.estimate import Estimate


def train(
    dataset: Annotated[
        str | None, typer.Option(help="A name that convncf datasets lists; else movielens-small.")
    ] = None,
    model: Model = None,
    preset: Preset = None,
    seed: Annotated[
        int | None, typer.Option(help="Fixes split, start, negatives and order of triples; else 1.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="1,2,3", help="A run NAME-seedN for each, summed up; what is there goes on.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; a free one is made when left out.")] = None,
    device: Annotated[
        str | None, typer.Option(help="auto (a GPU that works, else the CPU), cpu, cuda or cuda:N.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any setting that convncf settings lists, such as train.epochs=5; may be given again.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON or TOML of settings; a run's config.json serves.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Train in a process of its own; return at once.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Tell what it would take here, and train nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not measure first what it will take.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model, evaluate it, and keep everything in a run folder.

    Where the model is convncf, its MF-BPR pretraining runs inside the same command. Ctrl-C stops and saves.
    """
    from convncf import jobs
    from convncf.runs import RunStore

    chosen = list(set_ or []) + ([f"train.device={device}"] if device else [])
    home = files.home()
    if seeds is not None:
        asked = jobs.parse_seeds(seeds)
        if seed is not None:
            raise ConfigError(f"both --seed {seed} and --seeds {seeds} are given. Keep one of them.")
        of = partial(resolve, model=model, preset=preset, dataset=dataset, file=config, settings=chosen)
        first = of(seed=asked[0]).config
        if estimate:
            _estimate(of(seed=asked[0]), home, len(asked), as_json=as_json)
            return
        group = name or f"{first.model.name}-{first.data.dataset}"
        train_seeds(of, asked, group, home, detach=detach, as_json=as_json, estimated=not quiet)
        return
    resolved = resolve(model=model, preset=preset, dataset=dataset, seed=seed, file=config, settings=chosen)
    if estimate:
        _estimate(resolved, home, 1, as_json=as_json)
        return
    free = f"{resolved.config.model.name}-{resolved.config.data.dataset}"
    make = partial(jobs.launch if detach else jobs.prepare, resolved, home=home)
    run = _created(make, name, lambda: RunStore(home).free_name(free))
    if not detach:
        finish(run, as_json=as_json, estimated=not quiet)
        return
    say(f"run folder: {run.path}")
    say(f"watch it: convncf runs show {run.name}")
    if as_json:
        emit_json({"run": run.name, "path": str(run.path), "state": run.status().state})


def _created(make: Callable[..., Run], name: str | None, free: Callable[[], str]) -> Run:
    """The run of that name, or of a free one where none was asked for: another command may be faster to take it."""
    while True:
        try:
            return make(name=free() if name is None else name)
        except RunExistsError:
            if name is not None:
                raise


def _estimate(resolved: Resolved, home: Path, runs: int, *, as_json: bool) -> None:
    """What a run of these settings would take, refused as the run itself would be."""
    from convncf import jobs
    from convncf.workflow.estimate import estimate

    resolved, _ = jobs.checked(resolved, home)
    found = estimate(resolved.config, home)
    if as_json:
        emit_json(found.to_json() | {"runs": runs})
        return
    say(f"estimate{f' of each of {runs} runs' if runs > 1 else ''}: {found.words}")


def train_seeds(
    resolved: Callable[..., Resolved],
    asked: Sequence[int],
    name: str,
    home: Path,
    *,
    detach: bool,
    as_json: bool,
    estimated: bool,
) -> None:
    """Train NAME-seedN for each seed, one after the other, and sum them up; `estimated` says first what one takes.

    What is finished already is taken as it is, what was interrupted is resumed. All of them are checked before the
    first is trained. One that fails does not end the others: it is named, and the exit code is 1 in the end.
    """
    from convncf import jobs
    from convncf.evaluation.seeds import group

    runs = jobs.runs_of_seeds({f"{name}-seed{seed}": resolved(seed=seed) for seed in asked}, home)
    failed, told = False, not estimated
    for run in runs:
        if run.status().state == "finished" or run.locked():
            say(f"{run.name}: {run.status().state} already")
            continue
        try:
            if detach:
                jobs.start_worker(run)
            else:
                _work(run, None if told else _tell(len(runs)))
                told = True
        except TrainingStopped as error:
            raise TrainingStopped(f"{error} The same command goes on.") from None
        except Exception as error:  # whatever it was, the other seeds are not to be lost by it
            words = str(error) if isinstance(error, ConvNCFError) else f"{type(error).__name__}: {error}"
            say(f"{run.name} failed and is left out: {words}")
            failed = True
    if detach:
        say(f"watch them: convncf runs. Sum them up when they have ended: convncf seeds {name}")
    show_group(group(runs), as_json=as_json)
    if failed:
        raise typer.Exit(1)


def _tell(runs: int) -> Callable[[Estimate], None]:
    return lambda found: say(f"estimate of each of {runs} runs: {found.words}")


def _work(run: Run, on_estimate: Callable[[Estimate], None] | None) -> None:
    from convncf import jobs

    say(f"run folder: {run.path}")
    display = TrainingDisplay(run.config().eval.monitor)
    with display.shown():
        jobs.work(run, on_status=display.status, on_record=display.record, on_estimate=on_estimate)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(
        epilog="Examples: convncf train --seed 1 --name first\n\n"
        "convncf train --model mf-bpr --set model.embedding_size=16 --set train.lr_embedding=0.01 --name small"
    )(train)
