"""Record what RecBole's ConvNCF returns for fixed inputs, as the numbers that ours are compared with.

Runs inside RecBole's own environment (RecBole 1.2.1 needs older packages than the workbench), so it imports nothing of
convncf. `make parity` sets that environment up and calls this.

Writes one .npz a layer plan, without pickles: inputs, weights, outputs, and the gradient of calculate_loss of each
parameter, in RecBole's order of parameters.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole.config import Config
from recbole.data.interaction import Interaction
from recbole.model.general_recommender.convncf import ConvNCF, ConvNCFBPRLoss

PLANS = ([4, 4, 2, 2], [2] * 6, [8, 4])
EMBEDDING_SIZE, CHANNELS = 64, 32
N_USERS, N_ITEMS, N_TRIPLES = 12, 15, 24
FIRST_SEED = 20
MARGIN = 1e-6
"""How far from 0 every input of a ReLU has to lie, in standard deviations of its layer. Nearer, another processor's
rounding may put it on the other side, and that unit's whole gradient comes or goes: nothing could be compared."""
LARGEST_GAP = 10.0
"""Above it, RecBole's log(1 + exp(-gap)) loses digits in float32."""


class Counts:
    """As much of RecBole's Dataset as its model needs."""

    def num(self, field: str) -> int:
        """Number of users or items."""
        return {"user_id": N_USERS, "item_id": N_ITEMS}[field]


def settings(plan: Sequence[int]) -> dict[str, Any]:
    """RecBole's keys for a plan; dropout off, or two runs could not be compared."""
    return {
        "embedding_size": EMBEDDING_SIZE,
        "cnn_channels": [1] + [CHANNELS] * len(plan),
        "cnn_kernels": list(plan),
        "cnn_strides": list(plan),
        "dropout_prob": 0.0,
        "reg_weights": [0.1, 0.1],
        "train_method": "no_pretrain",
        "pre_model_path": "",
    }


def spread_out(model: ConvNCF, rng: np.random.Generator) -> None:
    """Replace the weights by ones under which scores spread over some units.

    Under RecBole's own initial weights all scores nearly coincide, and then the gradients of positives and negatives
    cancel to rounding noise, in which nothing could be compared.
    """
    for name, parameter in model.named_parameters():
        values = rng.standard_normal(tuple(parameter.shape))
        if name.endswith("bias"):
            values *= 0.1
        elif "embedding" not in name:
            values *= np.sqrt(2.0 / parameter[0].numel())  # over the number of inputs: layers keep the scale
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values.astype(np.float32)))


def record(plan: Sequence[int]) -> dict[str, np.ndarray]:
    """Every array of one plan, by name, under the first seed that keeps the inputs of all ReLUs away from 0."""
    for seed in range(FIRST_SEED, FIRST_SEED + 100):
        arrays, nearest = recorded(plan, seed)
        if nearest > MARGIN:
            return arrays | {"seed": np.array(seed)}
    raise SystemExit(f"plan {list(plan)}: in 100 seeds some input of a ReLU lay within {MARGIN:g} of 0.")


def recorded(plan: Sequence[int], seed: int) -> tuple[dict[str, np.ndarray], float]:
    """Every array of one plan under one seed, and how near to 0 an input of a ReLU comes, relative to its layer."""
    rng = np.random.default_rng([seed, *plan])
    model = ConvNCF(Config(model="ConvNCF", dataset="ml-100k", config_dict=settings(plan)), Counts())
    spread_out(model, rng)
    model.train()  # as in training; dropout is 0
    nearest: list[float] = []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda _, __, out: nearest.append(float(out.detach().abs().min() / out.detach().std()))
            )
    user = rng.integers(N_USERS, size=N_TRIPLES)
    item, negative = (rng.integers(N_ITEMS, size=N_TRIPLES) for _ in range(2))
    batch = Interaction({"user_id": user, "item_id": item, "neg_item_id": negative})

    positive_score = model.forward(batch["user_id"], batch["item_id"])
    negative_score = model.forward(batch["user_id"], batch["neg_item_id"])
    gap = float((positive_score - negative_score).detach().abs().max())
    if gap >= LARGEST_GAP:
        raise SystemExit(f"plan {list(plan)}: a score gap of {gap:.1f}; choose smaller weights.")
    loss = model.calculate_loss(batch)
    loss.backward()

    arrays = {
        "user": user.astype(np.int64),
        "item": item.astype(np.int64),
        "negative": negative.astype(np.int64),
        "output/forward": positive_score,
        "output/forward of negatives": negative_score,
        "output/predict": model.predict(batch),
        "output/bpr loss": ConvNCFBPRLoss()(positive_score, negative_score),
        "output/reg_loss": model.reg_loss(),
        "output/calculate_loss": loss,
    }
    for place, (name, parameter) in enumerate(model.named_parameters()):
        arrays[f"parameter/{place:02} {name}"] = parameter
        arrays[f"gradient/{place:02} {name}"] = parameter.grad
    plain = {key: value.detach().numpy() if torch.is_tensor(value) else value for key, value in arrays.items()}
    description = {"embedding_size": np.array(EMBEDDING_SIZE), "kernels": np.array(plan), "made with": made_with()}
    return plain | description, min(nearest)


def made_with() -> np.ndarray:
    """Versions, as text."""
    return np.array([f"{name} {version(name)}" for name in ("recbole", "torch", "numpy")])


def main() -> None:
    """Record every plan."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("tests/parity"), help="folder for the .npz files")
    out = parser.parse_args().out
    sys.argv = sys.argv[:1]  # RecBole's Config reads the command line too
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    for plan in PLANS:
        file = out / f"{'-'.join(map(str, plan))}.npz"
        arrays: dict[str, Any] = record(plan)
        np.savez_compressed(file, **arrays)
        print(f"{file}: {file.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
