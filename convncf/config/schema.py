"""Every setting of a run, with its words: one definition feeds the CLI's help, the app's widgets and config.json.

A part of the program is handed its own piece (the model gets ModelConfig), never the whole.
"""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from convncf.config.layer_plan import layer_sizes, refuse_unless_trace_fits
from convncf.errors import ConfigError, LayerPlanError, did_you_mean

Precision = Literal["fp32", "bf16"]
"""What products are computed in."""
METRIC_NAMES = ("HR", "NDCG", "MRR", "Recall", "Precision")
MODEL_NAMES = ("convncf", "mf-bpr", "popularity")


class Frozen(BaseModel):
    """A value that cannot be changed, with no room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool):  # pydantic would take true for 1
            raise ValueError("no setting is true or false")
        return value


class DataConfig(Frozen):
    """Which interactions, and which of them are held out."""

    dataset: str = Field("movielens-small", title="Dataset", description="Name of an embedded or imported dataset.")
    split: Literal["ratio", "leave-one-out"] = Field(
        "ratio",
        title="Split",
        description="ratio: each user's interactions divided at random. "
        "leave-one-out: each user's latest is the test item, the one before it the validation item.",
    )
    ratios: tuple[float, float, float] = Field(
        (0.8, 0.1, 0.1),
        title="Ratios",
        description="Shares of training, validation and test under the ratio split; they add up to 1.",
    )

    @field_validator("ratios")
    @classmethod
    def _ratios_add_up(cls, ratios: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-9 or ratios[0] == 0:
            raise ValueError(f"ratios {list(ratios)} must be 0 or more, add up to 1, and leave something for training")
        return ratios


class ModelConfig(Frozen):
    """The model. Key names are RecBole's, and `config["embedding_size"]` works as it does there."""

    name: Literal["convncf", "mf-bpr", "popularity"] = Field(
        "convncf",
        title="Model",
        description="convncf: a CNN on the outer product of two embeddings. "
        "mf-bpr: their dot product. popularity: how many users have the item.",
    )
    embedding_size: int = Field(
        64, ge=1, le=4096, title="Embedding size", description="Numbers per user and per item (D; K in the paper)."
    )
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
    reg_weights: tuple[float, float] = Field(
        (0.1, 0.1), title="L2 weights", description="Weight of the L2 penalty on embeddings, and on the network."
    )
    penalty: Literal["norms", "squared"] = Field(
        "norms",
        title="L2 form",
        description="norms: un-squared norms of whole tables and weight matrices, as RecBole has it. "
        "squared: squared L2 on the weights and on the batch's embeddings, as in the paper.",
    )
    initialisation: Literal["random", "trace"] = Field(
        "random",
        title="Start",
        description="random: the network starts from noise. "
        "trace: it starts as exactly the dot product of the embeddings, and learns from there.",
    )
    embedding_std: float = Field(
        1.0, gt=0, title="Embedding start", description="Standard deviation of the embeddings' normal start."
    )
    train_method: Literal["no_pretrain", "after_pretrain"] = Field(
        "no_pretrain",
        title="Train method",
        description="after_pretrain: start from the embeddings at pre_model_path.",
    )
    pre_model_path: str = Field(
        "",
        title="Pretrained embeddings",
        description="A run (name or folder) or a safetensors file whose embeddings the model starts from.",
    )

    @field_validator("reg_weights")
    @classmethod
    def _weights_not_negative(cls, weights: tuple[float, float]) -> tuple[float, float]:
        if min(weights) < 0:
            raise ValueError(f"reg_weights {list(weights)} must be 0 or more")
        return weights

    @model_validator(mode="after")
    def _plan_fits(self) -> Self:
        if self.name != "convncf":
            return self
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
        if self.initialisation == "trace":
            refuse_unless_trace_fits(self.embedding_size, self.cnn_channels, self.cnn_kernels, self.cnn_strides)
        return self

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key) if key in type(self).model_fields else None  # as RecBole's Config answers


class PretrainConfig(Frozen):
    """MF-BPR trained first, inside the same command; its embeddings are where ConvNCF starts."""

    epochs: int = Field(0, ge=0, title="Epochs", description="At most so many epochs of MF-BPR first; 0 for none.")
    batch_size: int = Field(2048, ge=1, title="Batch size", description="Triples a step.")
    lr: float = Field(1e-3, gt=0, title="Learning rate", description="Adam's step size.")
    l2: float = Field(5e-3, ge=0, title="L2 weight", description="Squared L2 on the batch's embeddings.")
    patience: int = Field(
        10, ge=0, title="Patience", description="Validations without improvement before stopping; 0 for never."
    )
    validate_every: int = Field(1, ge=1, title="Validate every", description="Epochs between two validations.")
    embedding_std: float = Field(
        0.1, gt=0, title="Embedding start", description="Standard deviation of the embeddings' normal start."
    )


class TrainConfig(Frozen):
    """How the model is trained."""

    epochs: int = Field(300, ge=0, title="Epochs", description="At most so many passes over the training triples.")
    batch_size: int = Field(2048, ge=1, title="Batch size", description="Triples (user, positive, negative) a step.")
    optimizer: Literal["adam", "adagrad"] = Field("adam", title="Optimiser", description="How gradients become steps.")
    lr_embedding: float = Field(
        1e-3, ge=0, title="Learning rate of the embeddings", description="Step size; 0 keeps them as they are."
    )
    lr_network: float = Field(
        1e-3, ge=0, title="Learning rate of the network", description="Step size of filters, biases and output layer."
    )
    adagrad_accumulator: float = Field(
        0.1, ge=0, title="Adagrad accumulator", description="Where its sum of squares starts (TensorFlow: 0.1)."
    )
    patience: int = Field(
        10, ge=0, title="Patience", description="Validations without improvement before stopping; 0 for never."
    )
    validate_every: int = Field(1, ge=1, title="Validate every", description="Epochs between two validations.")
    keep_every: int = Field(
        1, ge=0, title="Keep a checkpoint every", description="Epochs between two kept checkpoints; 0 keeps none."
    )
    precision: Precision = Field(
        "fp32",
        title="Precision",
        description="fp32: 32-bit arithmetic. bf16: most products in 16 bits, faster where the processor has "
        "instructions for it; elsewhere fp32 is taken, and the log says so.",
    )
    device: str = Field("auto", title="Device", description="auto, cpu, cuda, or cuda:N for the GPU of that number.")

    @field_validator("device")
    @classmethod
    def _device_word(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", device):
            raise ValueError(f"device {device!r} is unknown: use auto, cpu, cuda or cuda:0, cuda:1, …")
        return device


class EvalConfig(Frozen):
    """How models are judged: full ranking, on validation while training, on test at the end."""

    ks: tuple[int, ...] = Field((5, 10, 20), title="Cut-offs", description="Each metric is given at these K.")
    monitor: str = Field(
        "NDCG@10", title="Stop on", description="The validation metric that chooses the epoch, such as NDCG@10."
    )
    validation_users: int | None = Field(
        None,
        ge=1,
        title="Validation users",
        description="While training, validate on a seeded sample of so many users; empty for all. "
        "The final report always takes all.",
    )

    @field_validator("ks")
    @classmethod
    def _ks_positive(cls, ks: tuple[int, ...]) -> tuple[int, ...]:
        if not ks or min(ks) < 1:
            raise ValueError(f"ks {list(ks)}: give at least one cut-off, each 1 or more")
        return tuple(sorted(set(ks)))

    @field_validator("monitor")
    @classmethod
    def _monitor_exists(cls, monitor: str) -> str:
        name, _, k = monitor.partition("@")
        if name not in METRIC_NAMES or not re.fullmatch(r"[1-9][0-9]{0,8}", k):
            raise ValueError(
                f"monitor {monitor!r} is no metric. {did_you_mean(name, METRIC_NAMES)} "
                "Write it with its cut-off: NDCG@10"
            )
        return monitor


class RunConfig(Frozen):
    """Everything a run depends on, besides the data itself."""

    seed: int = Field(
        1, ge=0, lt=2**31, title="Seed", description="Fixes split, start, negatives and order of triples."
    )
    preset: str = Field("quick", title="Preset", description="The named set of defaults that the rest departs from.")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    pretrain: PretrainConfig = PretrainConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()

    @model_validator(mode="after")
    def _pretraining_is_applied(self) -> Self:
        """One source of pretrained embeddings, or none: a setting that would be ignored is refused."""
        if self.model.name != "convncf":
            return self
        after, path, epochs = (
            self.model.train_method == "after_pretrain",
            self.model.pre_model_path,
            self.pretrain.epochs,
        )
        if after and not path and not epochs:
            raise ConfigError(
                "model.train_method after_pretrain needs model.pre_model_path (a run or a .safetensors file), "
                "or pretrain.epochs above 0."
            )
        if path and not after:
            raise ConfigError(
                f"model.pre_model_path {path!r} would be ignored: set model.train_method=after_pretrain too, "
                "or leave the path out."
            )
        if path and epochs:
            raise ConfigError(
                f"pretrain.epochs {epochs} would be ignored, since the embeddings come from model.pre_model_path "
                f"{path!r}: set pretrain.epochs=0, or leave the path out."
            )
        return self
