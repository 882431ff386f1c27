"""What a home of version 0.1 says when it is asked: the same questions made golden.json and are asked again.

Questions go through the command line, in this process, and through run folders' files. What a later version calls
otherwise is named in one place, `Words`; only splits and triples, which no command prints, are asked of the core.
"""

from __future__ import annotations

import csv
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
import torch
import typer
from safetensors.torch import load_file
from typer import testing

from convncf import cli
from convncf.runs import RunStore
from convncf.training import triple_sampler
from convncf.workflow.loading import load_run

FIXTURE: Final = Path(__file__).parent / "fixtures" / "version-0.1"

RANKED: Final = (
    *("mf", "network", "other", "ease", "itemknn", "popularity"),
    *("as-2018", "stored", "group-seed1", "group-seed2"),
)
"""Finished runs with a test part; `popularity-all` is finished and has none."""
FINISHED: Final = (*RANKED, "popularity-all")
EVERY: Final = (*FINISHED, "stopped", "queued")
EMBEDDED: Final = ("mf", "network", "other", "as-2018", "stored", "group-seed1", "group-seed2")
"""Those with embeddings: they have arrays to export."""
KEPT: Final[Mapping[str, tuple[int, ...]]] = {"mf": (0, 6), "network": (0, 1, 2, 3), "other": (0, 2, 4)}
"""Run -> epochs of which a checkpoint was kept."""
PAIRS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "films": (("007", "f142"), ("7", "f303"), ("u37", "rare-0"), ("u74", "f149"), ("u05", "f310")),
    "pairs": (("0", "48"), ("17", "5"), ("59", "30")),
}
"""Dataset -> pairs by raw id: an id that reads as another one, items without a title, a title twice."""
DATASETS: Final[Mapping[str, str]] = {"stored": "pairs"}
"""Run -> its dataset, where it is not films."""
LISTED: Final = 18
"""Users, in the order of the data, whose top 10 is held; and those of PAIRS."""
COMPARED: Final = (("mf", "network", "ease"), ("popularity", "itemknn", "other"), ("network", "as-2018"))
ESTIMATED: Final = ("network", "ease")
FILTERED: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("films", ()),
    ("films", ("data.min_rating=3.5", "data.low_rated=unseen", "data.min_user=8", "data.min_item=5")),
    ("films", ("data.since=2015-01-01", "data.until=2016-06-30T06:00", "data.split=leave-one-out")),
    ("films", ("data.max_user=18", "data.max_item=30", "data.order=time", "data.across=all")),
    ("pairs", ("data.min_rating=2",)),
)


class Words:
    """What a later version calls otherwise. Old word -> new word; what is not here is called as it was."""

    settings: Final[Mapping[str, str]] = {}
    """Keys of settings, where they are shown; given by the old key they must be read all the same."""
    values: Final[Mapping[str, Mapping[str, Any]]] = {}
    """Old key of a setting -> its old value -> the new one."""
    keys: Final[Mapping[str, str]] = {}
    """Keys in what commands print as JSON, and columns of the files that they write."""
    options: Final[Mapping[str, str]] = {}
    """Arguments of commands."""


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


@cache
def _commands(app: typer.Typer) -> Any:
    return typer.main.get_command(app)


@dataclass(frozen=True)
class Home:
    """`convncf …` in this process with a folder as its home."""

    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> Said:
        """Run a command to its end, which must be `code`. Settings are given by their old names, which must do."""
        words = [Words.options.get(word, word) for word in arguments]
        environment = {"CONVNCF_HOME": str(self.folder), "COLUMNS": "160"}
        # typer builds all commands for each call, which takes longer than most of them: once is enough
        with mock.patch.object(testing, "_get_command", _commands):
            done = testing.CliRunner().invoke(cli.app, words, env=environment, catch_exceptions=code != 0)
        assert done.exit_code == code, f"{words} ended with {done.exit_code}:\n{done.stdout}\n{done.stderr}"
        return Said(done.exit_code, done.stdout, done.stderr)

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self(*arguments, "--json").out)

    def run(self, name: str) -> Path:
        """A run's folder."""
        return self.folder / "runs" / name


def of(told: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """These entries of what was told, under their old names."""
    return {name: told[Words.keys.get(name, name)] for name in names}


def rows(file: Path, *columns: str) -> list[str]:
    """The columns of a CSV, a line of text each row, the cells divided by blanks."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [" ".join(of(row, *columns).values()) for row in csv.DictReader(stream)]


# ---------------------------------------------------------------- data


def datasets(home: Home) -> dict[str, Any]:
    """Counts, times, ratings, splits and ledgers."""
    counts = ("n_users", "n_items", "n_interactions", "fingerprint", "embedded", "problem")
    listed = {entry["name"]: of(entry, *counts) for entry in home.json("datasets")["datasets"]}
    facts = ("users", "items", "interactions", "density", "per_user", "per_item", "first", "last", "ratings")
    more = ("titled", "came_divided", "candidates", "fingerprint")
    shown = {}
    for name in PAIRS:
        told = home.json("datasets", "show", name)
        shown[name] = of(told, *facts, *more) | {"split": _split(told["split"]), "sentences": len(told["sentences"])}
    filtered = []
    for name, settings in FILTERED:
        told = home.json("datasets", "filter", name, *(word for one in settings for word in ("--set", one)))
        ledger = [list(of(step, "users", "items", "interactions").values()) for step in of(told, "ledger")["ledger"]]
        filtered.append({"ledger": ledger, "split": _split(told["split"])})
    return {"listed": listed, "shown": shown, "filtered": filtered}


def _split(told: Mapping[str, Any]) -> dict[str, Any]:
    return of(told, "train", "validation", "test", "cold_users", "cold_items", "fingerprint")


def split(home: Home, name: str) -> dict[str, Any]:
    """Size and hash of each part, and of what rankings leave out; and of three batches of triples: all by raw id."""
    loaded = load_run(RunStore(home.folder).open(name))
    parts, config = loaded.split, loaded.config
    users, items = parts.interactions.users.ids, parts.interactions.items.ids
    matrices = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    matrices |= {"left out": parts.excluded("test")}
    found: dict[str, Any] = {}
    for part, matrix in matrices.items():
        pairs = sorted(f"{users[user]}\t{items[item]}" for user, item in zip(*matrix.nonzero(), strict=True))
        found[part] = [len(pairs), digest(pairs)]
    if name in EMBEDDED:
        sampler = triple_sampler(parts, config.train, config.seed)
        found["triples"] = []
        for epoch, step in ((1, 0), (1, 1), (2, 0)):
            user, positive, negative = (each.tolist() for each in sampler.batch(epoch, step, 64))
            lines = [
                "\t".join([users[u], items[p], *(items[i] for i in (n if isinstance(n, list) else [n]))])
                for u, p, n in zip(user, positive, negative, strict=True)
            ]
            found["triples"].append(digest(lines))
    return found


def digest(lines: Iterable[str]) -> str:
    """16 hex digits of lines of text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


# ---------------------------------------------------------------- one run


def described(home: Home, name: str) -> dict[str, Any]:
    """A run's state, history and labels, what lists say of it, and each setting's value and source."""
    told = home.json("runs", "show", name)
    facts = of(
        told, "model", "dataset", "seed", "created", "monitor", "value", "best_epoch", "tags", "note", "archived"
    )
    history = [of(event, "time", "event") for event in told["history"]]
    settings = {key: [entry["value"], entry["source"]] for key, entry in told["settings"].items()}
    return facts | {"history": history, "state": told["status"]["state"], "settings": settings}


def written_settings(home: Home, name: str) -> dict[str, list[Any]]:
    """The settings as the run's config.json holds them, under the words that are used now."""
    said = json.loads((home.run(name) / "config.json").read_text(encoding="utf-8"))["settings"]
    found = {}
    for key, entry in said.items():
        value = entry["value"]
        renamed = Words.values.get(key, {}).get(value, value) if isinstance(value, str) else value
        found[Words.settings.get(key, key)] = [renamed, entry["source"]]
    return found


def evaluated(home: Home, name: str, folder: Path) -> dict[str, Any]:
    """Every figure by the run's own protocol, then by both; and the rank of each test item by full ranking.

    The folder has own-ranks.csv and own-per-user.csv of the first then.
    """
    files = ("--ranks", str(folder / "own-ranks.csv"), "--per-user", str(folder / "own-per-user.csv"), "--force")
    own = home.json("evaluate", name, *files)
    ranks = folder / "ranks.csv"
    both = home.json(
        *("evaluate", name, "--protocol", "both", "--negatives", "12", "--sets", "drawn", "--seed", "4"),
        *("--k", "3,10", "--ranks", str(ranks), "--force"),
    )
    return {
        "own": [_view(view) for view in own["protocols"]] + [_validation(own)],
        "both": [_view(view) for view in both["protocols"]],
        "ranks": rows(ranks, "user_id", "item_id", "rank", "candidates"),
    }


def _view(told: Mapping[str, Any]) -> dict[str, Any]:
    counts = ("n_users", "n_users_evaluated", "candidate_fingerprint")
    return of(told, "metrics", "intervals", "beyond", *counts)


def _validation(told: Mapping[str, Any]) -> dict[str, Any]:
    names = {"metrics": "validation", "intervals": "validation_intervals", "n_users_evaluated": "n_users_validated"}
    return {ours: of(told, name)[name] for ours, name in names.items()}


PAIRED: Final = ("n", "difference", "low", "high", "p_value")


def listed(home: Home, name: str, folder: Path) -> dict[str, list[list[Any]]]:
    """Top 10 of the first users of the data and of those in PAIRS: raw user id -> raw item ids with their scores."""
    file = folder / f"{name}-lists.csv"
    home("recommend", name, "--all", "--top", "10", "--csv", str(file))
    found: dict[str, list[list[Any]]] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            item, score = of(row, "item_id", "score").values()
            found.setdefault(str(*of(row, "user_id").values()), []).append([item, short(float(score))])
    chosen = [*list(found)[:LISTED], *(user for user, _ in PAIRS[DATASETS.get(name, "films")])]
    return {user: found[user] for user in chosen if user in found}


def scored(home: Home, name: str, folder: Path, epoch: int | None = None) -> list[list[Any]]:
    """The pairs of a file with score, rank and standing; of a kept epoch, else the best."""
    pairs, out = folder / "pairs.csv", folder / f"{name}-scored.csv"
    known = PAIRS[DATASETS.get(name, "films")]
    asked = [*known, ("nobody", "f142"), (known[0][0], "Rare")]
    pairs.write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in asked), encoding="utf-8")
    at = [] if epoch is None else ["--epoch", str(epoch)]
    home("score", name, str(pairs), "--out", str(out), "--force", *at)
    columns = ("user_id", "item_id", "rank", "candidates", "tied", "seen", "part")
    score = Words.keys.get("score", "score")
    with out.open(encoding="utf-8", newline="") as stream:
        return [
            [*of(row, *columns).values(), short(float(row[score])) if row[score] else None]
            for row in csv.DictReader(stream)
        ]


def inspected(home: Home, name: str, folder: Path) -> dict[str, Any]:
    """A pair's score and rank, its parts, and checksums of every array between embeddings and score."""
    user, item = PAIRS[DATASETS.get(name, "films")][0]
    told = home.json("inspect", name, "--user", user, "--item", item)
    found = of(told, "epoch", "title", "score", "rank", "candidates", "tied", "standing")
    found["parts"] = [part["value"] for part in told["parts"]]
    if name in EMBEDDED:
        file = folder / f"{name}.npz"
        home("export", name, "--user", user, "--item", item, "--npz", str(file), "--force")
        with np.load(file) as arrays:
            found["arrays"] = {
                key: checksum(arrays[Words.keys.get(key, key)])
                for key in ("p", "q", "map", *(f"layer_{n}" for n in range(1, 5)), "features", "weights", "bias")
                if Words.keys.get(key, key) in arrays
            }
    return found


def checksum(array: np.ndarray[Any, Any]) -> list[Any]:
    """Shape, sum of absolute values, sum, and a sum weighted by place, which no permutation leaves as it is."""
    flat = np.asarray(array, np.float64).ravel()
    by_place = flat * np.arange(1, flat.size + 1) / flat.size
    return [list(array.shape), float(np.abs(flat).sum()), float(flat.sum()), float(by_place.sum())]


# ---------------------------------------------------------------- several runs, and what they cost


def compared(home: Home, names: Sequence[str]) -> dict[str, Any]:
    """Metrics side by side, and the paired tests."""
    told = home.json("compare", *names)
    figures = ("metrics", "validation", "intervals", "best_epoch", "n_users_evaluated")
    runs = {run["name"]: of(run, *figures) for run in told["runs"]}
    paired = {name: {key: test[key] for key in PAIRED} for name, test in told["paired"].items()}
    differing = sorted(told["differences"])
    return {"runs": runs, "paired": paired, "unlike": len(told["unlike"]), "differing": differing} | of(
        told, "references"
    )


def seeds(home: Home, name: str) -> dict[str, Any]:
    """Mean, deviation and interval over seeds."""
    return of(home.json("seeds", name), "name", "runs", "seeds", "one_split", "metrics", "validation")


def estimated(home: Home, name: str) -> dict[str, Any]:
    """Bytes of memory, and what there is to rank; a run's config.json gives the settings."""
    told = home.json("train", "--config", str(home.run(name) / "config.json"), "--estimate")
    return of(told, "memory", "n_users", "n_items", "stops_early")


# ---------------------------------------------------------------- work that goes on


def worked(home: Home, name: str) -> dict[str, Any]:
    """What comes of one of WORK: the figures of the run, and its weights. The home is another one after it."""
    home(*(word.format(runs=home.folder / "runs") for word in WORK[name]))
    report = json.loads((home.run(name) / "report.json").read_text(encoding="utf-8"))
    tensors = load_file(home.run(name) / "model.safetensors")
    arrays = {key: tensors[key].numpy() for key in sorted(tensors)}
    return {
        "test": report["metrics"],
        "validation": report["validation"],
        "best_epoch": report["best_epoch"],
        "history": [event["event"] for event in home.json("runs", "show", name)["history"]],
        "weights": {key: checksum(array) for key, array in arrays.items()},
        "sha256": hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest(),
    }


WORK: Final[Mapping[str, tuple[str, ...]]] = {
    "stopped": ("resume", "stopped"),
    "queued": ("work", "queued"),
    "mf": ("resume", "mf", "--epochs", "8"),
    "network-all": ("refit", "network", "--name", "network-all"),
    "itemknn-all": ("refit", "itemknn", "--name", "itemknn-all"),
    "other-again": ("train", "--config", "{runs}/other/config.json", "--name", "other-again", "--quiet"),
    "network-again": ("train", "--config", "{runs}/network/config.json", "--name", "network-again", "--quiet"),
    "group-seed3": (
        "train",
        "--config",
        "{runs}/group-seed1/config.json",
        "--name",
        "group",
        "--seeds",
        "1-3",
        "--quiet",
    ),
}
"""Run -> the command that trains it: what was interrupted or waited, more epochs, all of the data, anew."""


def machine() -> str:
    """16 hex digits that stand for this processor and this torch: where they are others, sums may round otherwise."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else platform.machine()
    lines = [line for line in told.splitlines() if line.startswith(("model", "stepping", "flags"))]
    return digest([*sorted(set(lines)), torch.__version__, np.__version__])


def short(value: float) -> float:
    """A score to seven digits."""
    return float(f"{value:.7g}")


# ---------------------------------------------------------------- everything


def _without_settings(told: Mapping[str, Any]) -> dict[str, Any]:
    """The settings stand in config.json already."""
    return {key: value for key, value in told.items() if key != "settings"}


def recorded(home: Home, folder: Path) -> dict[str, Any]:
    """Everything that reading tells of a home; it stays as it is."""
    return {
        "datasets": datasets(home),
        "splits": {name: split(home, name) for name in FINISHED},
        "described": {name: _without_settings(described(home, name)) for name in EVERY},
        "evaluated": {name: evaluated(home, name, folder) for name in RANKED},
        "listed": {name: listed(home, name, folder) for name in FINISHED},
        "scored": {name: scored(home, name, folder) for name in FINISHED},
        "kept": {
            name: {str(epoch): scored(home, name, folder, epoch) for epoch in epochs} for name, epochs in KEPT.items()
        },
        "inspected": {name: inspected(home, name, folder) for name in FINISHED},
        "compared": {" ".join(names): compared(home, names) for names in COMPARED},
        "seeds": seeds(home, "group"),
        "estimated": {name: estimated(home, name) for name in ESTIMATED},
    }


def rounded(value: Any) -> Any:
    """Floats with ten digits, so that the record is small."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value
