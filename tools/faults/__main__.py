"""The command: list the faults, or put them into a copy of the tree and say which test catches each."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from convncf.errors import did_you_mean
from tools.faults import FAULTS
from tools.faults.fault import Fault
from tools.faults.tree import copied
from tools.faults.trial import Outcome, tried

ROOT = Path(__file__).resolve().parents[2]
OUTCOMES = Path(__file__).with_name("outcomes.jsonl")


def main() -> int:
    """1 where a fault was missed or nothing is known of it, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser("run", help="put faults into a copy of the tree, one at a time, and run the tests")
    run.add_argument("name", nargs="*", help="a fault; all when left out")
    run.add_argument("--whole", action="store_true", help="every test of `make test`, not those expected to notice")
    run.add_argument("--results", type=Path, metavar="FILE", help="JSON lines, a fault each; what it holds is kept")
    run.add_argument("--limit", type=float, metavar="SECONDS", help="of one pytest: 1800, with --whole 7200")
    asked = parser.parse_args()
    if asked.command is None:
        for fault in FAULTS:
            print(f"{fault.name:34}{fault.room:18}{fault.what}")
        return 0
    return _run(_chosen(parser, asked.name), asked.whole, asked.results, asked.limit or (7200 if asked.whole else 1800))


def _chosen(parser: argparse.ArgumentParser, names: Sequence[str]) -> list[Fault]:
    known = {fault.name: fault for fault in FAULTS}
    for name in names:
        if name not in known:
            parser.error(f"there is no fault {name!r}. {did_you_mean(name, known)}".strip())
    return [known[name] for name in names] or list(FAULTS)


def _run(faults: Sequence[Fault], whole: bool, results: Path | None, limit: float) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):  # so that the copy goes, and no pytest stays, however this is ended
        signal.signal(number, signal.default_int_handler)
    done = {outcome.name: outcome for outcome in _read(results) if outcome.whole == whole and not outcome.problem}
    before = {outcome.name: outcome.caught_by for outcome in _read(OUTCOMES)}
    bad = 0
    with copied(ROOT) as tree:
        for fault in faults:
            outcome = done.get(fault.name)
            if outcome is None:
                outcome = tried(fault, tree, whole=whole, limit=limit, before=before.get(fault.name, ""))
                if results is not None:
                    with results.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(outcome.to_json(), ensure_ascii=False) + "\n")
            print(f"{fault.name:34}{outcome.seconds:7.1f} s  {outcome.words}", flush=True)
            bad += not outcome.caught_by
    print(f"{len(faults) - bad} of {len(faults)} caught")
    return 1 if bad else 0


def _read(results: Path | None) -> list[Outcome]:
    if results is None or not results.exists():
        return []
    return [Outcome.from_json(json.loads(line)) for line in results.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
