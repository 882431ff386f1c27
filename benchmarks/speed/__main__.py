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


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").split(": ", 1)[1])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="the comparison on less work, under 3 minutes")
    what.add_argument("--gpu", action="store_true", help="one CUDA GPU instead; needs neither RecBole nor data")
    what.add_argument("--gowalla", type=Path, metavar="FOLDER", help="full ranking of LightGCN's train.txt, test.txt")
    what.add_argument("--ndcg", action="store_true", help="what bf16 changes in NDCG@10 on ml-100k")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--write", action="store_true", help="keep the result; make docs/speed.md and its plot anew")
    parser.add_argument("--recbole", type=Path, metavar="PYTHON", default=ROOT / RECBOLE_PYTHON, help="its interpreter")
    parser.add_argument("--users", type=int, default=2000, help="users to rank, for --gowalla")
    parser.add_argument("--epochs", type=int, nargs=2, default=(40, 3), metavar=("MF", "CONVNCF"), help="for --ndcg")
    return parser.parse_args(given)


def say(words: str) -> None:
    """Progress, beside the result."""
    print(words, file=sys.stderr, flush=True)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, and write where asked; 1 where it cannot be measured."""
    asked = arguments(given)
    try:
        kind, result = measured(asked)
    except (Refusal, WorkerError, ModuleNotFoundError) as problem:
        say(str(problem))
        if isinstance(problem, ModuleNotFoundError):
            say("It is one of the workbench's own dependencies; pyproject.toml has the list.")
        return 1
    from benchmarks.speed import report

    print(report.terminal(kind, result))
    if asked.write:
        say(f"written: {', '.join(map(str, report.write(kind, result)))}")
    if asked.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    return 0


class Refusal(Exception):
    """Why nothing was measured."""


def measured(asked: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The section's name and its result."""
    from convncf.runtime import threads

    threads.share_processors()  # before torch loads
    from benchmarks.speed import machine

    stamp = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command(asked),
        "machine": machine.facts(),
    }
    kind, found = section(asked)
    return kind, stamp | dict(found)


def section(asked: argparse.Namespace) -> tuple[str, Mapping[str, Any]]:
    """What was asked for."""
    if asked.gpu:
        import torch

        from benchmarks.speed import gpu

        if not torch.cuda.is_available():
            raise Refusal(f"torch {torch.__version__} finds no CUDA GPU here: --gpu needs one.")
        return "gpu", gpu.measure(say)
    if asked.gowalla:
        from benchmarks.speed import large

        missing = [name for name in ("train.txt", "test.txt") if not (asked.gowalla / name).is_file()]
        if missing:
            raise Refusal(
                f"{asked.gowalla} has no {' and no '.join(missing)}: give the folder with LightGCN's gowalla."
            )
        return "gowalla", large.measure(asked.gowalla, asked.users, say)
    python = asked.recbole if asked.recbole.is_file() else None
    if asked.ndcg:
        from benchmarks.speed import accuracy

        found = sorted(python.parents[1].glob(BUNDLED)) if python else []
        if not found:
            raise Refusal("ml-100k comes with RecBole, whose environment is missing: sh tools/recbole.sh makes it.")
        return "accuracy", accuracy.measure(found[0], asked.epochs[0], asked.epochs[1], say)
    from benchmarks.speed import compare

    if python is None:
        say(f"{compare.NO_RECBOLE}. Our side is measured alone, on generated data of ml-100k's sizes.")
    return "comparison", compare.measure(compare.QUICK if asked.quick else compare.FULL, python, say)


def command(asked: argparse.Namespace) -> str:
    """How to get the same figures; a folder by its name only."""
    words = ["python -m benchmarks.speed"]
    words += [f"--{flag}" for flag in ("quick", "gpu", "ndcg") if getattr(asked, flag)]
    if asked.gowalla:
        words.append(f"--gowalla {asked.gowalla.name} --users {asked.users}")
    if asked.ndcg:
        words.append("--epochs {} {}".format(*asked.epochs))
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
