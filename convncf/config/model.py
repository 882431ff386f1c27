"""Settings of the model."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from convncf.config.base import Frozen
from convncf.config.layer_plan import layer_sizes, refuse_unless_trace_fits
from convncf.errors import LayerPlanError


class ModelConfig(Frozen):
    """The model. Key names are RecBole's, and `config["embedding_size"]` works as it does there."""

    name: Literal["convncf", "mf-bpr", "itemknn", "ease", "popularity"] = Field(
        "convncf",
        title="Model",
        description="convncf: a CNN on the outer product of two embeddings. mf-bpr: their dot product. "
        "itemknn: items near those that the user has. ease: a linear autoencoder of a user's items. "
        "popularity: how many users have the item.",
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
    penalty: Literal["norms", "squared"] = Field(
        "norms",
        title="L2 form",
        description="norms: un-squared norms of whole tables and weight matrices, as RecBole has it. "
        "squared: squared L2 on the weights and on the batch's embeddings, as in the paper.",
    )
    initialisation: Literal["random", "paper", "trace"] = Field(
        "random",
        title="Start",
        description="random: the network starts from torch's noise. paper: from the 2018 code's (truncated normals, "
        "biases of 0.1). trace: it starts as exactly the dot product of the embeddings, and learns from there.",
    )
    embedding_std: float = Field(
        1.0,
        gt=0,
        title="Standard deviation of the embeddings' start",
        description="How far from 0 the embeddings begin, where they come from no pretraining.",
    )
    embedding_start: Literal["normal", "truncated"] = Field(
        "normal",
        title="Distribution of the embeddings' start",
        description="truncated: nothing beyond two standard deviations, as in the 2018 code.",
    )
    neighbours: int = Field(
        100, ge=1, title="Neighbours", description="Items that an item's score is summed over (itemknn)."
    )
    shrinkage: float = Field(
        10.0,
        ge=0,
        title="Shrinkage",
        description="Added below the cosine, so that similarities from few users count less (itemknn).",
    )
    ease_l2: float = Field(
        300.0, gt=0, title="L2 of EASE", description="Added to the diagonal of the item-item matrix (ease)."
    )
    train_method: Literal["no_pretrain", "after_pretrain"] = Field(
        "no_pretrain",
        title="Train method",
        description="after_pretrain: start from the embeddings of an earlier run or file, at pre_model_path. "
        "no_pretrain: do not. Pretraining inside this run is set by its own epochs (pretrain.epochs), whatever stands "
        "here.",
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
