"""python -m benchmarks.speed: measure speed, and print tables and JSON. `make bench` is the whole comparison."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.speed.session import ROOT, WorkerError

RECBOLE_PYTHON: Final = Path(".venv-parity/bin/python")
BUNDLED: Final = "lib/python*/site-packages/recbole/dataset_example/ml-100k/ml-100k.inter"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").split(": ", 1)[1])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="the comparison on less work, under 3 minutes")
    kind.add_argument("--gpu", action="store_true", help="one CUDA GPU instead; needs neither RecBole nor data")
    kind.add_argument("--gowalla", type=Path, metavar="FOLDER", help="full ranking of LightGCN's train.txt, test.txt")
    kind.add_argument("--ndcg", action="store_true", help="what bf16 changes in NDCG@10 on ml-100k")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--write", action="store_true", help="store the result; write docs/speed.md and its plot again")
    parser.add_argument("--recbole", type=Path, metavar="PYTHON", default=ROOT / RECBOLE_PYTHON, help="its interpreter")
    parser.add_argument("--users", type=int, default=2000, help="users to rank, for --gowalla")
    parser.add_argument("--epochs", type=int, nargs=2, default=(40, 3), metavar=("MF", "CONVNCF"), help="for --ndcg")
    return parser.parse_args(argv)


def say(line: str) -> None:
    """Progress, beside the result."""
    print(line, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write on request; 1 where it cannot be measured."""
    options = arguments(argv)
    try:
        kind, result = measured(options)
    except (Refusal, WorkerError, ModuleNotFoundError) as problem:
        say(str(problem))
        if isinstance(problem, ModuleNotFoundError):
            say("It is one of the workbench's own dependencies; pyproject.toml has the list.")
        return 1
    from benchmarks.speed import report

    print(report.terminal(kind, result))
    if options.write:
        say(f"written: {', '.join(map(str, report.write(kind, result)))}")
    if options.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    return 0


class Refusal(Exception):
    """Why nothing was measured."""


def measured(options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The section's name and its result."""
    from convncf.runtime import threads

    threads.share_processors()  # before torch loads
    from benchmarks.speed import machine

    stamp = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command(options),
        "machine": machine.description(),
    }
    kind, result = section(options)
    return kind, stamp | dict(result)


def section(options: argparse.Namespace) -> tuple[str, Mapping[str, Any]]:
    """The requested section: its name and its result."""
    if options.gpu:
        import torch

        from benchmarks.speed import gpu

        if not torch.cuda.is_available():
            raise Refusal(f"torch {torch.__version__} finds no CUDA GPU here: --gpu needs one.")
        return "gpu", gpu.measure(say)
    if options.gowalla:
        from benchmarks.speed import large

        missing = [name for name in ("train.txt", "test.txt") if not (options.gowalla / name).is_file()]
        if missing:
            raise Refusal(
                f"{options.gowalla} has no {' and no '.join(missing)}: give the folder with LightGCN's gowalla."
            )
        return "gowalla", large.measure(options.gowalla, options.users, say)
    python = options.recbole if options.recbole.is_file() else None
    if options.ndcg:
        from benchmarks.speed import accuracy

        files = sorted(python.parents[1].glob(BUNDLED)) if python else []
        if not files:
            raise Refusal("ml-100k comes with RecBole, whose environment is missing: sh tools/recbole.sh makes it.")
        return "accuracy", accuracy.measure(files[0], options.epochs[0], options.epochs[1], say)
    from benchmarks.speed import compare

    if python is None:
        say(f"{compare.NO_RECBOLE}. Our side is measured alone, on generated data of ml-100k's sizes.")
    return "comparison", compare.measure(compare.QUICK if options.quick else compare.FULL, python, say)


def command(options: argparse.Namespace) -> str:
    """How to get the same figures; a folder by its name only."""
    parts = ["python -m benchmarks.speed"]
    parts += [f"--{flag}" for flag in ("quick", "gpu", "ndcg") if getattr(options, flag)]
    if options.gowalla:
        parts.append(f"--gowalla {options.gowalla.name} --users {options.users}")
    if options.ndcg:
        parts.append("--epochs {} {}".format(*options.epochs))
    return " ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
