"""Results as tables of text, for each measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

HEADINGS: Final = {
    "comparison": "Against RecBole",
    "gowalla": "Gowalla, 40,981 items",
    "accuracy": "What bf16 costs in accuracy",
    "gpu": "One GPU",
}
SIDES: Final = {"recbole": "RecBole 1.2.1", "fp32": "ours, fp32", "bf16": "ours, bf16"}
MISSING: Final = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of text; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def of(kind: str, result: Mapping[str, Any]) -> list[Table]:
    """The tables of a section."""
    return {"comparison": comparison, "gowalla": gowalla, "accuracy": accuracy, "gpu": gpu}[kind](result)


def number(value: float | None, form: str = ",.0f") -> str:
    """A figure, or a dash where there is none."""
    return MISSING if value is None else format(value, form)


def comparison(result: Mapping[str, Any]) -> list[Table]:
    """Speeds, ratios, memory, latency, growth."""
    speeds, ratios, settings = result["speeds"], result["ratios"], result["settings"]
    memory = result["memory_mb"]
    rows = []
    for side, name in SIDES.items():
        of_task = [ratios.get(f"{task}_{side}") for task in ("training", "ranking")]
        rows.append(
            [
                name,
                number(speeds[side]["training"]),
                number(of_task[0], ".2f") + ("×" if of_task[0] else ""),
                number(speeds[side]["ranking"]),
                number(of_task[1], ".2f") + ("×" if of_task[1] else ""),
            ]
        )
    evaluated = result["sizes"]["ours"]["evaluated"]
    users = min(settings["users"], evaluated)
    notes = [
        f"Medians of {settings['rounds']} rounds, in turns, on {result['data']}; of ratios too, each taken in a round.",
        f"A round is {settings['batches']} batches of 2,048 triples, and full ranking of {users} of {evaluated} users.",
        *[f"{key}: {reason}." for key, reason in result["reasons"].items()],
    ]
    tables = [Table("Speed", ["", "triples/s", "ratio", "pairs/s", "ratio"], rows, notes)]
    share = number(ratios["memory"], ".2f")
    tables.append(
        Table(
            "Peak memory, training and full ranking",
            ["", "MB"],
            [["RecBole 1.2.1", number(memory["recbole"])], ["ours, both precisions in turn", number(memory["ours"])]],
            [f"Ours over RecBole's: {share}. Each side in a process of its own, from its start."],
        )
    )
    tables.append(limit(result))
    lists = [[f"{int(n):,}", *[number(result["top_10_ms"][p][n], ".1f") for p in ("fp32", "bf16")]] for n in LISTS]
    tables.append(Table("Top-10 for one user, ms", ["items", "fp32", "bf16"], lists))
    return tables + (grown(result["growth"]) if result["growth"] else [])


LISTS: Final = ("1682", "100000")


def limit(result: Mapping[str, Any]) -> Table:
    """The speed of full ranking, as a share of that of a plain product of its largest layer."""
    speeds, rows = result["speeds"], []
    for precision in ("fp32", "bf16"):
        fraction = result["fractions"][f"ranking_{precision}"]
        rows.append(
            [
                precision,
                number(speeds["peak_large"][precision]),
                number(speeds["peak"][precision]),
                number(fraction, ".0%"),
            ]
        )
    note = "Reached: 630,784 operations a pair, over the rate of layer 2's shape (rows × 512 × 32) in the same round."
    return Table("The machine's limit, GFLOP/s", ["", "large product", "layer 2's shape", "reached"], rows, [note])


def grown(growth: Mapping[str, Any]) -> list[Table]:
    """Three tables of growth."""
    names = ("fp32", "bf16")
    sizes = [
        [
            f"{row['embedding_size']} {row['kernels']}",
            number(row["operations_per_pair"]),
            *[number(row[f"us_per_pair_{name}"], ".2f") for name in names],
            *[number(row[f"us_per_triple_{name}"], ".0f") for name in names],
        ]
        for row in growth["embedding_size"]
    ]
    items = [[f"{row['items']:,}", *[number(row[f"us_per_pair_{n}"], ".2f") for n in names]] for row in growth["items"]]
    batches = [
        [f"{row['batch_size']:,}", *[number(row[f"us_per_triple_{n}"], ".0f") for n in names]]
        for row in growth["batch_size"]
    ]
    columns = ["D, kernels", "operations/pair", "µs/pair fp32", "bf16", "µs/triple fp32", "bf16"]
    return [
        Table("Growth with the embedding size", columns, sizes),
        Table("Growth with the items (top-10 of one user)", ["items", "µs/pair fp32", "bf16"], items),
        Table("Growth with the batch (training)", ["triples a batch", "µs/triple fp32", "bf16"], batches),
    ]


def gowalla(result: Mapping[str, Any]) -> list[Table]:
    """Time and memory."""
    rows = []
    for precision in ("bf16", "fp32"):
        row = result[precision]
        if "unavailable" in row:
            rows.append([precision, MISSING, MISSING, MISSING, MISSING])
        else:
            figures = [number(row["ranked_users"]), number(row["seconds"], ".1f")]
            rows.append([precision, *figures, number(row["us_per_pair"], ".2f"), number(row["peak_mb"])])
    note = (
        f"{result['users']:,} users, {result['items']:,} items, {result['interactions']:,} interactions "
        f"({result['repeats_left_out']:,} repeats dropped). One process, bf16 first; after reading the data its peak "
        f"was {result['data_mb']:,.0f} MB."
    )
    columns = ["", "users ranked", "seconds", "µs/pair", "peak MB of the process so far"]
    return [Table("Full ranking", columns, rows, [note])]


def accuracy(result: Mapping[str, Any]) -> list[Table]:
    """The same weights, ranked twice."""
    bf16, difference = result["bf16"] or {}, result["difference"] or {}
    rows = [
        [name, number(value, ".4f"), number(bf16.get(name), ".4f"), number(difference.get(name), "+.5f")]
        for name, value in result["fp32"].items()
    ]
    note = (
        f"ml-100k, test part, all users: MF-BPR for {result['mf_epochs']} epochs, then ConvNCF from its embeddings for "
        f"{result['epochs']} epochs in fp32; the same weights ranked in both precisions."
    )
    return [Table("Test metrics", ["", "fp32", "bf16", "difference"], rows, [note])]


def gpu(result: Mapping[str, Any]) -> list[Table]:
    """Tasks, and the products of the device."""
    rows = [
        [
            f"{row['data']} {row['task']}",
            row["precision"],
            number(row["seconds"], ".3f") + ("*" if "projected_from_users" in row else ""),
            number(row["gpu_memory_mb"]),
            number(row["recbole_titan_v_seconds"], ".2f"),
        ]
        for row in result["tasks"]
    ]
    rates = [
        [name.replace("_", " "), number(of["fp32"]), number(of["bf16"])] for name, of in result["peak_gflops"].items()
    ]
    columns = ["task", "precision", "seconds", "GPU MB", "RecBole, TITAN V"]
    note = "Generated data of the sizes in RecBole's table. * projected from 1,024 users."
    title = f"{result['device']}, torch {result['torch']}"
    return [Table(title, columns, rows, [note]), Table("Plain products, GFLOP/s", ["", "fp32", "bf16"], rates)]
