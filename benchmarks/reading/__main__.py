"""python -m benchmarks.reading: read a large CSV to a Split, and print seconds and memory."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.reading.generated import ROWS, ratings_file
from convncf.runtime.devices import cpu_count, cpu_name

ROOT: Final = Path(__file__).resolve().parents[2]
RESULT: Final = Path("benchmarks/results/reading.json")
STAGES: Final = ("read", "canonical_order", "split", "fingerprint", "matrices")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("--rows", type=int, default=ROWS, help="of the generated file (25,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="readings; their median counts")
    parser.add_argument("--untidy", action="store_true", help="with broken lines, blank lines, repeats and quotes")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--write", action="store_true", help=f"keep the result in {RESULT}")
    options = parser.parse_args(argv)
    if options.rows < 1000 or options.rounds < 1:
        parser.error("at least 1,000 rows and one round are needed")
    return options


def one_round(path: Path) -> dict[str, Any]:
    """The figures of one process, with the machine's load before it."""
    load = round(os.getloadavg()[0], 2)
    command = [sys.executable, "-m", "benchmarks.reading.measured", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"reading failed:\n{done.stderr}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured | {"load": load}


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians of seconds, the largest peak, and each round."""
    counts = {name: rounds[0][name] for name in ("rows", "interactions", "users", "items", "dropped", "merged")}
    return counts | {
        "seconds": median(figures["seconds"] for figures in rounds),
        "cpu_seconds": median(figures["cpu_seconds"] for figures in rounds),
        "peak_mb": max(figures["peak_mb"] for figures in rounds),
        "stages": {
            stage: {
                name: median(figures["stages"][stage][name] for figures in rounds)
                for name in ("seconds", "cpu_seconds")
            }
            for stage in STAGES
        },
        "rounds": [
            {name: figures[name] for name in ("seconds", "cpu_seconds", "peak_mb", "load")} for figures in rounds
        ],
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The result as lines of text."""
    machine = result["machine"]
    text = [
        (
            f"{result['rows']:,} rows, {result['file_mb']:,} MB -> {result['interactions']:,} interactions of "
            f"{result['users']:,} users with {result['items']:,} items; {result['dropped']:,} dropped, "
            f"{result['merged']:,} merged"
        ),
        (
            f"{machine['cpu']}, {machine['cores']} cores; load average before each round "
            f"{', '.join(str(each['load']) for each in result['rounds'])}"
        ),
        (
            f"to a Split: {result['seconds']:.1f} s (processors: {result['cpu_seconds']:.1f} s), "
            f"peak {result['peak_mb']:,} MB"
        ),
    ]
    for stage, figures in result["stages"].items():
        text.append(f"  {stage.replace('_', ' '):<16}{figures['seconds']:>7.1f} s  {figures['cpu_seconds']:>7.1f} s")
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write on request."""
    options = arguments(argv)
    path = ratings_file(options.rows, untidy=options.untidy)
    measured = summary([one_round(path) for _ in range(options.rounds)])
    command = f"python -m benchmarks.reading --rows {options.rows} --rounds {options.rounds}"
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command + (" --untidy" if options.untidy else ""),
        "machine": {
            "cpu": cpu_name(),
            "cores": cpu_count(),
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "pyarrow": version("pyarrow"),
        },
        "file_mb": round(path.stat().st_size / 1e6),
        **measured,
    }
    print("\n".join(lines(result)))
    if options.write:
        file = ROOT / RESULT
        file.parent.mkdir(exist_ok=True)
        results = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        results["untidy" if options.untidy else "tidy"] = result
        file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"written: {RESULT}", file=sys.stderr)
    if options.json:
        print(json.dumps(result, allow_nan=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
