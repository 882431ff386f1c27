"""ConvNCF's record: its settings, presets, needs and abilities. The model is `convncf.py`, and `fused.py` the fast one.

Its preset `recbole` repeats what RecBole 1.2.1 does, `paper` the 2018 code; `quick` trains to a useful model in two
minutes on a laptop; `tuned` is what did best on the validation part of ml-100k (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from convncf.config import (
    PretrainedSettings,
    TrainConfig,
    layer_sizes,
    nearest_plans,
    refuse_unless_dot_product_fits,
)
from convncf.config.base import Wanted
from convncf.errors import LayerPlanError
from convncf.models import presets
from convncf.models.record import MemoryNeeds, ModelRecord, Sizes, built_by, memory_of_embeddings, on_cpu
from convncf.runtime import devices


class ConvNCFSettings(PretrainedSettings):
    """Settings of ConvNCF; the defaults are RecBole's."""

    name: Literal["convncf"] = "convncf"
    cnn_channels: tuple[int, ...] = Field(
        (1, 32, 32, 32, 32),
        title="Channels",
        description="Channels of the interaction map (1), then of each layer's feature maps.",
    )
    cnn_kernels: tuple[int, ...] = Field(
        (4, 4, 2, 2), title="Kernels", description="Kernel size of each layer; together they shrink the map to 1×1."
    )
    cnn_strides: tuple[int, ...] = Field(
        (4, 4, 2, 2), title="Strides", description="Stride of each layer; equal to the kernel on the fast path."
    )
    dropout_prob: float = Field(
        0.2, ge=0, lt=1, title="Dropout", description="Share of final features zeroed at random in training."
    )
    output_reg: float | None = Field(
        None,
        ge=0,
        title="L2 weight of the output layer",
        description="Under the squared form; empty: as on the rest of the network.",
    )
    penalised: Literal["weights", "weights and biases"] = Field(
        "weights",
        title="L2 on",
        description="Under the squared form: of the network, its weights alone, or its biases too as in the 2018 code.",
    )
    initialisation: Literal["random", "paper", "dot product"] = Field(
        "random",
        title="Start",
        description="random: the network starts from torch's random weights. paper: from those of the 2018 code "
        "(truncated normals, biases of 0.1). dot product: it starts as exactly the dot product of the embeddings, and "
        "learns from there.",
    )
    earlier_values: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType(
        {"initialisation": {"trace": "dot product"}}
    )
    needs: ClassVar[Mapping[str, tuple[str, Wanted]]] = MappingProxyType(
        {"output_reg": ("model.penalty", ("squared",)), "penalised": ("model.penalty", ("squared",))}
    )

    goes_with: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {"cnn_kernels": ("cnn_strides", "cnn_channels")}
    )

    @property
    def starts_as_dot_product(self) -> bool:
        return self.initialisation == "dot product"

    @classmethod
    def following(cls, changed: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Strides and channels go with the kernels."""
        kernels = changed.get("cnn_kernels")
        if not isinstance(kernels, list):
            return {}
        channels, found = defaults["cnn_channels"], {}
        if "cnn_strides" not in changed and kernels != defaults["cnn_strides"]:
            found["cnn_strides"] = kernels
        if "cnn_channels" not in changed and len(kernels) != len(channels) - 1:
            found["cnn_channels"] = [1, *[channels[-1]] * len(kernels)]
        return found

    @classmethod
    def proposals(cls, values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """Kernels of the plans that end at 1×1."""
        kernels = values["cnn_kernels"]
        plans = nearest_plans(values["embedding_size"], kernels) if isinstance(kernels, list) else []
        return tuple(("cnn_kernels", plan) for plan in plans)

    @model_validator(mode="after")
    def _plan_fits(self) -> Self:
        if (
            len(self.cnn_channels) != len(self.cnn_kernels) + 1
            or self.cnn_channels[0] != 1
            or min(self.cnn_channels) < 1
        ):
            raise LayerPlanError(
                f"channels {list(self.cnn_channels)} do not fit {len(self.cnn_kernels)} kernels: give 1 for the "
                f"interaction map, then one number a layer, such as {[1] + [32] * len(self.cnn_kernels)}."
            )
        layer_sizes(self.embedding_size, self.cnn_kernels, self.cnn_strides)
        if self.initialisation == "dot product":
            refuse_unless_dot_product_fits(self.embedding_size, self.cnn_channels, self.cnn_kernels, self.cnn_strides)
        return self


def _memory(settings: ConvNCFSettings, train: TrainConfig, sizes: Sizes) -> MemoryNeeds:
    tables = memory_of_embeddings(settings, train, sizes)
    return MemoryNeeds(
        tables.parameters + _network_parameters(settings), tables.bytes_per_triple + _map_bytes(settings, train)
    )


def _network_parameters(settings: ConvNCFSettings) -> int:
    """Numbers in all layers' filters and biases, and in the output layer's."""
    channels = settings.cnn_channels
    widths = zip(channels, channels[1:], settings.cnn_kernels, strict=False)
    return sum(c_out * (c_in * kernel**2 + 1) for c_in, c_out, kernel in widths) + channels[-1] + 1


def _map_bytes(settings: ConvNCFSettings, train: TrainConfig) -> int:
    """Bytes of the feature maps of two pairs, which the backward pass needs."""
    kernels, strides = settings.cnn_kernels, settings.cnn_strides
    if kernels == strides and len(kernels) > 1 and on_cpu(train):
        from convncf.models.compiled.tower import available

        precision, _ = devices.resolve_precision(train.precision, "cpu")
        if available(precision):
            return 0  # the compiled loops compute the maps a second time instead of keeping them
    side, numbers = settings.embedding_size, 0
    if kernels != strides:
        numbers += side**2  # the reference path computes the interaction map itself
    for channels, kernel, stride in zip(settings.cnn_channels[1:], kernels, strides, strict=True):
        side = (side - kernel) // stride + 1
        numbers += 2 * channels * side**2  # before and after ReLU
    return 2 * numbers * 4


def _kernels(settings: ConvNCFSettings) -> tuple[int, ...]:
    return settings.cnn_kernels


PRESETS = MappingProxyType(
    {
        "quick": presets.QUICK
        | {
            "model.embedding_size": 32,
            "model.cnn_channels": (1, 16, 16, 16),
            "model.cnn_kernels": (4, 4, 2),
            "model.cnn_strides": (4, 4, 2),
            "model.dropout_prob": 0.0,
            "model.penalty": "squared",
            "model.reg_weights": (1.5e-2, 1e-2),
            "model.initialisation": "dot product",
            "model.embedding_std": 0.1,
            "pretrain.epochs": 80,
            "pretrain.lr": 5e-3,
            "pretrain.l2": 1.5e-2,
            "pretrain.patience": 6,
            "pretrain.validate_every": 4,
            "train.epochs": 8,
            "train.negatives": "dns",
            "train.dns_candidates": 4,
            "train.lr_embedding": 1e-3,
            "train.lr_network": 3e-5,
            "train.patience": 4,
            "train.keep_every": 1,
            "eval.validation_users": 300,
        },
        "tuned": presets.QUICK
        | presets.TUNED_TRAINING
        | {
            "model.dropout_prob": 0.0,
            "model.reg_weights": (1e-2, 1e-2),
            "model.initialisation": "dot product",
            "pretrain.epochs": 300,
            "pretrain.embedding_std": 0.1,
            "pretrain.lr": 2e-3,
            "pretrain.l2": 1e-2,
            "pretrain.patience": 15,
            "pretrain.validate_every": 1,
            "train.epochs": 30,
            "train.lr_embedding": 0.0,
            "train.lr_network": 1e-4,
            "train.patience": 6,
            "train.keep_every": 1,
        },
        "paper": presets.PAPER
        | presets.PAPER_TRAINING
        | {
            "model.cnn_channels": (1, 32, 32, 32, 32, 32, 32),
            "model.cnn_kernels": (2, 2, 2, 2, 2, 2),
            "model.cnn_strides": (2, 2, 2, 2, 2, 2),
            "model.dropout_prob": 0.0,
            "model.reg_weights": (0.01, 1.0),
            "model.output_reg": 11.0,
            "model.penalised": "weights and biases",
            "model.initialisation": "paper",
            "pretrain.epochs": 500,
            "pretrain.batch_size": 512,
            "pretrain.lr": 0.05,
            "pretrain.l2": 0.01,
            "pretrain.embedding_std": 0.01,
            "train.warmup_epochs": 1,
            "train.lr_network": 0.05,
        },
        "recbole": presets.RECBOLE | presets.RECBOLE_TRAINING,
    }
)

RECORD = ModelRecord(
    name="convncf",
    label="ConvNCF",
    sentence="a CNN on the outer product of two embeddings",
    tooltip="a model that lays a user's numbers against an item's as a picture, and reads it with a small network",
    settings=ConvNCFSettings,
    build=built_by("convncf.models.fused:FusedConvNCF"),
    trained=True,
    presets=PRESETS,
    first=("embedding_size", "cnn_kernels"),
    embeddings=True,
    interaction_map=True,
    kernels=_kernels,
    network=True,
    pretraining=True,
    precisions=("fp32", "bf16"),
    memory=_memory,
)
RECORDS = (RECORD,)
