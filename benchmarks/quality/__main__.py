"""python -m benchmarks.quality: list the studies, run them, and write docs/results.md from their results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.quality import page
from benchmarks.quality.results import Results
from benchmarks.quality.runner import need_dataset, run_study
from benchmarks.quality.studies import STUDIES
from convncf.errors import ConvNCFError, TrainingStopped
from convncf.runtime import files, threads


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 refused, 130 stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the studies, and how much of each is done")
    run = commands.add_parser("run", help="run studies; finished runs are kept, interrupted ones resumed")
    run.add_argument("study", nargs="+", choices=[*STUDIES, "all"])
    run.add_argument(
        "--data", type=Path, help="folder with ml-100k/, ml-1m/, gowalla/ and movietweetings/ as published"
    )
    commands.add_parser("page", help="write docs/results.md")
    options = parser.parse_args(arguments)
    results = Results()
    try:
        if options.command == "list":
            for study in STUDIES.values():
                total = sum(len(study.seeds_of(trial)) for trial in study.trials)
                print(f"{study.name}: {len(results.of(study.name))} of {total} runs. {study.question}")
        elif options.command == "page":
            print(page.write(results))
        else:
            names = list(STUDIES) if "all" in options.study else options.study
            home = files.home()
            for name in names:
                need_dataset(STUDIES[name].dataset, home, options.data)
                run_study(STUDIES[name], home, results, say=lambda line: print(line, flush=True))
    except TrainingStopped as error:
        print(f"Stopped: {error} The same command goes on.", file=sys.stderr)
        return 130
    except ConvNCFError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    threads.share_processors()
    sys.exit(main())
