"""convncf train, resume, demo and settings; and work, which launched runs are carried by."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convncf import runtime
from convncf.cli.console import TrainingDisplay, emit_json, say, table
from convncf.cli.evaluating import show_report
from convncf.cli.options import Json, RunName
from convncf.cli.seed_training import train_seeds
from convncf.config import MODEL_NAMES, flatten, preset_names, resolve, setting_fields, unused_settings
from convncf.errors import ConfigError, RunBusyError, RunError, RunExistsError, TrainingStopped

if TYPE_CHECKING:
    from convncf.config import Resolved
    from convncf.experiment.estimate import Estimate
    from convncf.runs import Run

_Model = Annotated[str | None, typer.Option(help=f"One of {', '.join(MODEL_NAMES)}; the first when left out.")]
_Preset = Annotated[
    str | None,
    typer.Option(
        help="Named defaults: quick (two minutes, no GPU), recbole (as RecBole does), paper (as the 2018 code does); "
        "else quick."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(
        epilog="Examples: convncf train --seed 1 --name first\n\n"
        "convncf train --model mf-bpr --set model.embedding_size=16 --set train.lr_embedding=0.01 --name small"
    )(train)
    app.command()(resume)
    app.command(epilog="Example: convncf refit first --name shop")(refit)
    app.command()(demo)
    app.command()(settings)
    app.command(hidden=True)(work)


def train(
    dataset: Annotated[
        str | None, typer.Option(help="A name that convncf datasets lists; else movielens-small.")
    ] = None,
    model: _Model = None,
    preset: _Preset = None,
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
    home = runtime.home()
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
        _finish(run, home, as_json=as_json, estimated=not quiet)
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


def resume(
    run: RunName,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Train on, to so many epochs in all; a finished run too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped, killed or failed; on a CPU bit for bit as if nothing had happened."""
    from convncf.runs import RunStore

    home = runtime.home()
    found = RunStore(home).open(run)
    state = found.status().state
    if state == "finished" and epochs is None:
        raise RunError(
            f"run {run!r} is finished already. See its report with convncf evaluate {run}, "
            f"or train it on with convncf resume {run} --epochs N."
        )
    if found.locked():
        raise RunBusyError(f"run {run!r} has a worker already ({state}). Watch it with convncf runs show {run}.")
    if epochs is not None:
        from convncf.experiment import extend

        extend(found, home, epochs)
    _finish(found, home, as_json=as_json)


def refit(
    run: RunName,
    name: Annotated[str | None, typer.Option(help="Name of the new run; RUN-all when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Train anew on everything, the held-out parts too, for the epochs that a run chose: to recommend with."""
    from convncf import jobs
    from convncf.runs import RunStore

    home = runtime.home()
    store = RunStore(home)
    made = store.free_name(f"{run}-all") if name is None else name
    _finish(jobs.refit(store.open(run), made, home), home, as_json=as_json)


def _estimate(resolved: Resolved, home: Path, runs: int, *, as_json: bool) -> None:
    """What a run of these settings would take, refused as the run itself would be."""
    from convncf import jobs
    from convncf.experiment.estimate import estimate

    resolved, _ = jobs.checked(resolved, home)
    found = estimate(resolved.config, home)
    if as_json:
        emit_json(found.to_json() | {"runs": runs})
        return
    say(f"estimate{f' of each of {runs} runs' if runs > 1 else ''}: {found.words}")


def _finish(run: Run, home: Path, *, as_json: bool, estimated: bool = False) -> None:
    from convncf import jobs

    told: dict[str, Any] = {}

    def tell(found: Estimate) -> None:
        told["estimate"] = found.to_json()
        say(f"estimate: {found.words}")

    say(f"run folder: {run.path}")
    display = TrainingDisplay(run.config().eval.monitor, lambda: _device_words(run))
    with display.shown():
        try:
            report = jobs.work(
                run,
                home,
                on_status=display.status,
                on_record=display.record,
                on_estimate=tell if estimated else None,
            )
        except TrainingStopped as error:
            raise TrainingStopped(f"{error} Go on with: convncf resume {run.name}") from None
    show_report(report | {"path": str(run.path)} | told, as_json=as_json, monitor=run.config().eval.monitor)


def _device_words(run: Run) -> str:
    taken = run.environment()
    asked = run.config().train.device
    chosen = f" ({asked} asked for)" if asked != taken["device"] else ""
    return f"device: {taken['device']}{chosen}, {taken['device_name']}"


def demo(
    wait: Annotated[bool, typer.Option("--wait", help="Return when the runs have ended.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting for all three: train.epochs=2."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Queue the demo runs unless they exist: an MF-BPR and two ConvNCF models that start from it."""
    from convncf import jobs
    from convncf.config import parse_setting

    home = runtime.home()
    runs = jobs.demo(home, overrides=dict(map(parse_setting, set_ or [])))
    while wait and any(run.status().active for run in runs):
        time.sleep(0.5)
    rows = [(run.name, run.status()) for run in runs]
    if as_json:
        emit_json({"runs": [{"run": n, "state": s.state, "message": s.message} for n, s in rows], "home": str(home)})
    else:
        table(["run", "state", "what"], [(n, s.state, s.message) for n, s in rows], left=3)
    say(f"run folders: {home / 'runs'}")


def settings(model: _Model = "convncf", preset: _Preset = None, as_json: Json = False) -> None:
    """List every setting of a model: its key, its value under the preset, and what it does."""
    resolved = resolve(model=model, preset=preset)
    unused = unused_settings(resolved.config.model.name)
    described = {key: field.description or "" for key, field in setting_fields().items() if key not in unused}
    values = flatten(resolved.config)
    if as_json:
        entries = {
            k: {"value": values[k], "source": resolved.sources[k], "description": d} for k, d in described.items()
        }
        emit_json({"model": model, "preset": resolved.config.preset, "settings": entries})
        return
    title = f"{model}, preset {resolved.config.preset} (of {', '.join(preset_names(resolved.config.model.name))})"
    rows = [(key, runtime.strict_json(values[key]), text) for key, text in described.items()]
    table(["key", "value", "what it does"], rows, title=title, left=3)


def work(run: RunName) -> None:
    """Carry a launched run to its end; the app starts this, detached."""
    from convncf import jobs
    from convncf.runs import RunStore

    home = runtime.home()
    jobs.work(RunStore(home).open(run), home)
