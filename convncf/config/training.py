"""Settings of training, and of the MF-BPR training before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from convncf.config.base import ABOVE_0, Frozen, Precision, Wanted


class PretrainConfig(Frozen):
    """MF-BPR trained first, inside the same command; ConvNCF starts from its embeddings."""

    epochs: int = Field(0, ge=0, title="Epochs", description="At most so many epochs of MF-BPR first; 0 for none.")
    batch_size: int = Field(2048, ge=1, title="Batch size", description="Triples a step.")
    lr: float = Field(
        1e-3, gt=0, title="Learning rate", description="Step size of Adam, or of Adagrad where training uses it."
    )
    l2: float = Field(5e-3, ge=0, title="L2 weight", description="Squared L2 on the batch's embeddings.")
    patience: int = Field(
        10, ge=0, title="Patience", description="Validations without improvement before stopping; 0 for never."
    )
    validate_every: int = Field(1, ge=1, title="Validate every", description="Epochs between two validations.")
    embedding_std: float = Field(
        0.1,
        gt=0,
        title="Standard deviation of the embeddings' start",
        description="How far from 0 the embeddings of MF-BPR begin.",
    )


class TrainConfig(Frozen):
    """How the model is trained."""

    earlier_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "gentle_epochs": "warmup_epochs",
            "gentle_lr": "warmup_lr",
            "dns_of": "dns_candidates",
            "spared": "excluded_negatives",
        }
    )
    earlier_values: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType(
        {"positives": {"each once": "by interaction"}}
    )

    needs: ClassVar[Mapping[str, tuple[str, Wanted]]] = MappingProxyType(
        {
            "weight_decay": ("train.optimizer", ("adamw",)),
            "momentum": ("train.optimizer", ("sgd",)),
            "adagrad_accumulator": ("train.optimizer", ("adagrad",)),
            "lr_floor": ("train.schedule", ("linear", "cosine")),
            "warmup_lr": ("train.warmup_epochs", ABOVE_0),
            "dns_candidates": ("train.negatives", ("dns",)),
        }
    )
    """Field -> the dotted key, and the values of it, beside which the field has an effect."""

    epochs: int = Field(300, ge=0, title="Epochs", description="At most so many passes over the training triples.")
    batch_size: int = Field(2048, ge=1, title="Batch size", description="Triples (user, positive, negative) a step.")
    optimizer: Literal["adam", "adamw", "adagrad", "sgd"] = Field(
        "adam", title="Optimiser", description="How gradients become steps."
    )
    lr_embedding: float = Field(
        1e-3, ge=0, title="Learning rate of the embeddings", description="Step size; 0 keeps them as they are."
    )
    lr_network: float = Field(
        1e-3, ge=0, title="Learning rate of the network", description="Step size of filters, biases and output layer."
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        title="Weight decay",
        description="Share of lr by which each parameter shrinks a step, beside the gradient (adamw).",
    )
    momentum: float = Field(
        0.0, ge=0, lt=1, title="Momentum", description="Share of the last step that is added to the next (sgd)."
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", title="Schedule", description="How the learning rates fall from the first epoch to the last."
    )
    lr_floor: float = Field(
        0.05,
        ge=0,
        le=1,
        title="Share of the learning rate left at the end",
        description="In the last epoch of the schedule: 0.05 is a twentieth of the first learning rate.",
    )
    warmup_epochs: int = Field(
        0,
        ge=0,
        title="Warm-up epochs",
        description="Epochs at the start without L2 and at the learning rate below, as in the 2018 code.",
    )
    warmup_lr: float = Field(1e-2, gt=0, title="Warm-up learning rate", description="Learning rate of those epochs.")
    positives: Literal["by interaction", "by user"] = Field(
        "by interaction",
        title="Positives",
        description="by interaction: every training interaction once an epoch. by user: as many, each of a user who is "
        "sampled uniformly, so that a user with few counts as much as one with many (as LightGCN's code samples).",
    )
    negatives: Literal["uniform", "dns"] = Field(
        "uniform",
        title="Negatives",
        description="uniform: any item that is not a training item of the user. dns: the one of several candidates "
        "that the model scores highest (dynamic negative sampling).",
    )
    dns_candidates: int = Field(
        4,
        ge=2,
        le=1024,
        title="Negative candidates",
        description="Number of items that dns samples; it uses the hardest.",
    )
    excluded_negatives: Literal["nothing", "test items"] = Field(
        "nothing",
        title="Excluded negatives",
        description="test items: a user's test items are never sampled as negatives, nor in pretraining; the 2018 "
        "code does so for ConvNCF. That leaks the test part, and every report says so.",
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
    save_minutes: float = Field(
        10.0,
        ge=0,
        title="Minutes between saves",
        description="Within a long epoch, so that at most these minutes are lost when it is killed; 0 for never.",
    )
    precision: Precision = Field(
        "fp32",
        title="Precision",
        description="fp32: 32-bit arithmetic. bf16: most products in 16 bits, faster where the processor has "
        "instructions for it; elsewhere fp32 is used, and the log says so.",
    )
    device: str = Field("auto", title="Device", description="auto, cpu, cuda, or cuda:N for the GPU of that number.")

    @field_validator("device")
    @classmethod
    def _device_word(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", device):
            raise ValueError(f"device {device!r} is unknown: use auto, cpu, cuda or cuda:0, cuda:1, …")
        return device
