"""Compare our ConvNCF with what RecBole's returned: the worst relative difference of each layer plan.

    python -m benchmarks.parity.compare [folder of .npz files]

A difference is max|ours - RecBole's| / max|RecBole's| of one tensor: scores, losses, or the gradient of
calculate_loss with respect to one parameter.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from convncf.models import ConvNCF, FusedConvNCF
from convncf.models.base import Sizes
from convncf.models.losses import ConvNCFBPRLoss

RECORDED = Path(__file__).parents[2] / "tests" / "parity"
LIMIT = 1e-5


@dataclass(frozen=True)
class Recording:
    """Inputs and outputs of RecBole's ConvNCF, for one layer plan."""

    kernels: list[int]
    embedding_size: int
    batch: dict[str, torch.Tensor]
    parameters: list[tuple[str, torch.Tensor]]
    """RecBole's names and values, in its order."""
    outputs: dict[str, np.ndarray]
    gradients: list[np.ndarray]
    made_with: list[str]

    @classmethod
    def load(cls, file: Path) -> Recording:
        """Read one .npz."""
        with np.load(file) as stored:
            arrays = {key: stored[key] for key in stored.files}
        order = sorted(key for key in arrays if key.startswith("parameter/"))
        return cls(
            kernels=arrays["kernels"].tolist(),
            embedding_size=int(arrays["embedding_size"]),
            batch={
                "user_id": torch.from_numpy(arrays["user"]),
                "item_id": torch.from_numpy(arrays["item"]),
                "neg_item_id": torch.from_numpy(arrays["negative"]),
            },
            parameters=[(key.split(" ")[1], torch.from_numpy(arrays[key])) for key in order],
            outputs={key.removeprefix("output/"): arrays[key] for key in arrays if key.startswith("output/")},
            gradients=[arrays[key.replace("parameter/", "gradient/")] for key in order],
            made_with=arrays["made with"].tolist(),
        )

    def model(self, kind: type[ConvNCF] = ConvNCF) -> ConvNCF:
        """Ours with RecBole's weights, copied in order, without regard to names."""
        layers = [tensor for name, tensor in self.parameters if tensor.dim() == 4]
        config = {
            "embedding_size": self.embedding_size,
            "cnn_channels": [1] + [len(layer) for layer in layers],
            "cnn_kernels": self.kernels,
            "cnn_strides": self.kernels,
            "dropout_prob": 0.0,
            "reg_weights": [0.1, 0.1],
        }
        model = kind(config, Sizes(len(self.parameters[0][1]), len(self.parameters[1][1])))
        with torch.no_grad():
            for ours, (_, theirs) in zip(model.parameters(), self.parameters, strict=True):
                if ours.shape != theirs.shape:
                    raise ValueError(f"parameters in another order: {list(ours.shape)} against {list(theirs.shape)}")
                ours.copy_(theirs)
        return model


class Difference(NamedTuple):
    """How far one tensor is from RecBole's, relative to its largest value."""

    relative: float
    tensor: str


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """max|a - b| / max|b|; 0 where both are 0 throughout."""
    if ours.shape != theirs.shape:
        raise ValueError(f"shapes differ: {ours.shape} and {theirs.shape}")
    difference, scale = np.abs(ours - theirs).max(), np.abs(theirs).max()
    if scale == 0:
        return 0.0 if difference == 0 else float("inf")
    return float(difference / scale)


def differences(recording: Recording, kind: type[ConvNCF] = ConvNCF) -> list[Difference]:
    """Every tensor's difference, worst first."""
    model, batch = recording.model(kind), recording.batch
    positive, negative = (model(batch["user_id"], batch[field]) for field in ("item_id", "neg_item_id"))
    loss = model.calculate_loss(batch)
    torch.autograd.backward(loss)
    ours = {
        "forward": positive,
        "forward of negatives": negative,
        "predict": model.predict(batch),
        "bpr loss": ConvNCFBPRLoss()(positive, negative),
        "reg_loss": model.reg_loss(),
        "calculate_loss": loss,
    }
    if ours.keys() != recording.outputs.keys():
        raise ValueError(f"recorded outputs are {sorted(recording.outputs)}: record them again")
    worst = [
        Difference(relative_difference(ours[name].detach().numpy(), theirs), name)
        for name, theirs in recording.outputs.items()
    ]
    for (name, parameter), theirs in zip(model.named_parameters(), recording.gradients, strict=True):
        assert parameter.grad is not None
        worst.append(Difference(relative_difference(parameter.grad.numpy(), theirs), f"gradient of {name}"))
    return sorted(worst, reverse=True)


def main() -> int:
    """Print the table; 1 where a difference is above the limit or nothing was recorded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, default=RECORDED, help="folder of the .npz files")
    folder = parser.parse_args().folder
    files = sorted(folder.glob("*.npz"))
    if not files:
        print(f"{folder}: no .npz file. `make parity` records them.", file=sys.stderr)
        return 1
    print(f"{'plan':<22}{'model':<14}{'worst relative difference':<28}tensor")
    worst = 0.0
    for file in files:
        recording = Recording.load(file)
        for kind in (ConvNCF, FusedConvNCF):
            top = differences(recording, kind)[0]
            worst = max(worst, top.relative)
            print(f"{recording.kernels!s:<22}{kind.__name__:<14}{top.relative:<28.2e}{top.tensor}")
    print(f"limit {LIMIT:.0e}; recorded with {', '.join(recording.made_with)}; compared on torch {torch.__version__}")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
