"""RecBole's side: its own training loop over the first batches, its own full-sort evaluation of the first users.

Runs inside RecBole's environment (tools/recbole.sh), so it imports recbole and torch and nothing of ours, and stands
alone. It reads one request a line from stdin and answers with one line of JSON, as session.serve does.

RecBole's ConvNCF has no full_sort_predict: its trainer then predicts every pair of a batch of users, which is what is
timed here.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.dataloader.general_dataloader import FullSortEvalDataLoader
from recbole.model.general_recommender.convncf import ConvNCF
from recbole.trainer import Trainer
from recbole.utils import init_seed

SETTINGS: dict[str, Any] = {"use_gpu": False, "show_progress": False, "state": "ERROR"}


class FirstBatches:
    """The first batches of an epoch; the rest of RecBole's data loader stays as it is."""

    def __init__(self, loader: Any, batches: int) -> None:
        self.loader, self.batches, self.shuffle = loader, batches, loader.shuffle

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.loader), self.batches)


class FirstUsers(FullSortEvalDataLoader):  # type: ignore[misc]
    """RecBole's data loader for full ranking, ending after `users`."""

    users: int

    def __iter__(self) -> Iterator[Any]:
        return islice(super().__iter__(), -(-self.users // self.step))


class RecBole:
    """Its dataset, model and trainer, as its quick start creates them."""

    def __init__(self) -> None:
        self.config = Config(model="ConvNCF", dataset="ml-100k", config_dict=SETTINGS)
        init_seed(self.config["seed"], self.config["reproducibility"])
        self.dataset = create_dataset(self.config)
        self.train_data, _, self.test_data = data_preparation(self.config, self.dataset)
        self.trainer = Trainer(self.config, ConvNCF(self.config, self.train_data.dataset).to("cpu"))
        self.test_data.__class__ = FirstUsers
        self.epoch = 0

    def description(self) -> dict[str, Any]:
        """Its sizes, which include one padding user and item, and the file that it read."""
        return {
            "file": str(Path(self.config["data_path"]) / "ml-100k.inter"),
            "users": self.dataset.user_num,
            "items": self.dataset.item_num,
            "train": len(self.train_data.dataset),
            "evaluated": self.test_data.sample_size,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "plan": [self.config[key] for key in ("embedding_size", "cnn_channels", "cnn_kernels", "cnn_strides")],
            "batch_size": self.config["train_batch_size"],
        }

    def train(self, batches: int) -> dict[str, Any]:
        """So many batches of an epoch."""
        began = time.perf_counter()
        self.trainer._train_epoch(FirstBatches(self.train_data, batches), self.epoch)
        seconds = time.perf_counter() - began
        self.epoch += 1
        triples = min(batches * self.config["train_batch_size"], len(self.train_data.dataset))
        return {"seconds": seconds, "triples": triples}

    def rank(self, users: int) -> dict[str, Any]:
        """Evaluate the first so many users (all where there are fewer) against all items."""
        self.test_data.users = users = min(users, self.test_data.sample_size)
        ranked = min(-(-users // self.test_data.step) * self.test_data.step, self.test_data.sample_size)
        began = time.perf_counter()
        self.trainer.evaluate(self.test_data, load_best_model=False)
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "pairs": ranked * self.dataset.item_num, "users": ranked}


def peak_mb() -> float:
    """The most memory this process has held so far, in MB (10^6 bytes)."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed goes to stderr
    sys.argv = sys.argv[:1]  # RecBole's Config reads the command line too
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # RecBole creates folders in the current one
        side = None
        for line in sys.stdin:
            request = json.loads(line)
            try:
                side = side or RecBole()
                task = request.pop("do")
                tasks: dict[str, Callable[..., dict[str, Any]]] = {
                    "load": side.description,
                    "train": side.train,
                    "rank": side.rank,
                    "peak": lambda: {"mb": peak_mb()},
                }
                answer = tasks[task](**request)
            except Exception:
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), file=answers, flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
