"""What a model is built from, what it takes as input, and the base of trained models: two embedding tables, BPR loss.

Neither a configuration nor a batch has to be a Mapping: RecBole's Config returns None for a key that it lacks, a dict
raises KeyError.

In the 2018 code, filters, output weights and the output's bias are tf.truncated_normal(stddev=0.1)
(`weight_variable`), the layers' biases are 0.1 (`bias_variable`), and embeddings are tf.truncated_normal(stddev=0.01).
TensorFlow draws again what lies beyond two standard deviations, so the standard deviation of the values is 0.880 of
the given one.

Shapes: B pairs or triples, N items, D embedding size.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Protocol, TypeVar
from weakref import WeakKeyDictionary

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from convncf.config import EmbeddingSettings, ModelSettings
from convncf.errors import ConfigError, PretrainingError
from convncf.models.losses import ConvNCFBPRLoss, squared_norm, sum_of_norms
from convncf.models.record import Sizes as Sizes

Settings = TypeVar("Settings", bound=ModelSettings)
PAIRWISE: Final = 2
"""RecBole's InputType.PAIRWISE: a batch holds a positive and a negative item for each user."""


class Subscriptable(Protocol):
    """Anything that answers `it["key"]`: a dict, a ModelSettings, RecBole's Config or Interaction."""

    def __getitem__(self, key: str, /) -> Any: ...


class Fields(NamedTuple):
    """Names under which a batch holds its indices."""

    user: str
    item: str
    negative: str


def value_of(config: Subscriptable, key: str) -> Any:
    """The value, or None where the configuration does not know the key."""
    try:
        return config[key]
    except LookupError:
        return None


def model_config(config: Subscriptable, settings: type[Settings]) -> Settings:
    """Read a configuration as that of a model with such settings. Raises ConfigError where a value cannot be."""
    if isinstance(config, settings):
        return config
    read = {key: value_of(config, key) for key in settings.model_fields}
    values = {key: value for key, value in read.items() if value is not None and key != "name"}
    if "reg_weights" in values:
        values["reg_weights"] = tuple(values["reg_weights"])[:2]  # RecBole reads the first two and no more
    try:
        return settings.model_validate(values)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'model'} = {problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ConfigError("; ".join(problems) + ".") from None


def fields(config: Subscriptable) -> Fields:
    """user_id, item_id and neg_item_id, unless the configuration renames them with RecBole's keys."""
    user = value_of(config, "USER_ID_FIELD") or "user_id"
    item = value_of(config, "ITEM_ID_FIELD") or "item_id"
    return Fields(user, item, (value_of(config, "NEG_PREFIX") or "neg_") + item)


def sizes(dataset: Any, names: Fields) -> Sizes:
    """n_users and n_items of a dataset that has them, or RecBole's `num(field)`."""
    if hasattr(dataset, "n_users") and hasattr(dataset, "n_items"):
        return Sizes(int(dataset.n_users), int(dataset.n_items))
    if hasattr(dataset, "num"):
        return Sizes(int(dataset.num(names.user)), int(dataset.num(names.item)))
    raise ConfigError(f"{type(dataset).__name__} has neither n_users and n_items nor num(field); a model needs them.")


_TABLES = ("user_embedding.weight", "item_embedding.weight")


def read_embeddings(path: str | Path) -> tuple[Tensor, Tensor]:
    """User and item vectors, (n_users, D) and (n_items, D), of a run folder or a safetensors file.

    Raises PretrainingError when there is no such file, or it is not one that holds both tables.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        file = file / "model.safetensors"
    if file.suffix in {".pth", ".pt", ".ckpt", ".pkl"}:
        raise PretrainingError(
            f"{file}: a {file.suffix} file is a pickle, which can run code when it is opened, so it is not read. "
            "Give a run folder or a .safetensors file with " + " and ".join(_TABLES) + "."
        )
    if not file.is_file():
        raise PretrainingError(f"{file}: no such file. Give a run folder or a .safetensors file as pre_model_path.")
    try:
        with safe_open(file, framework="pt") as tensors:
            names = set(tensors.keys())
            missing = [name for name in _TABLES if name not in names]
            if missing:
                raise PretrainingError(
                    f"{file}: holds no {' and no '.join(missing)}. It holds: {', '.join(sorted(names)) or 'nothing'}."
                )
            return tensors.get_tensor(_TABLES[0]), tensors.get_tensor(_TABLES[1])
    except (SafetensorError, OSError) as error:
        raise PretrainingError(f"{file}: not a safetensors file ({error}).") from None


_WEIGHT_STD: Final = 0.1
_LAYER_BIAS: Final = 0.1


@torch.no_grad()
def truncated_normal(tensor: Tensor, std: float) -> Tensor:
    """Fill a tensor with N(0, std²) cut at two standard deviations, from torch's generator."""
    return nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std)


@torch.no_grad()
def initialise_as_in_2018(layers: Iterable[nn.Conv2d], output: nn.Linear) -> None:
    """Initialise the network as the 2018 code does; embeddings are not touched."""
    for layer in layers:
        truncated_normal(layer.weight, _WEIGHT_STD)
        if layer.bias is not None:
            layer.bias.fill_(_LAYER_BIAS)
    truncated_normal(output.weight, _WEIGHT_STD)
    truncated_normal(output.bias, _WEIGHT_STD)


class PairwiseModel(nn.Module):
    """A model that scores (user, item) and learns from (user, positive, negative).

    `config` is a ModelSettings or anything subscriptable with RecBole's keys; `dataset` has n_users and n_items, or
    RecBole's num(field). Users and items are 0-based indices throughout. Subclasses give `name`, `settings`,
    `forward` and `weights`.
    """

    name: ClassVar[str]
    settings: ClassVar[type[EmbeddingSettings]]
    input_type: ClassVar[int] = PAIRWISE
    pairs_at_once: ClassVar[int] = 256
    """Pairs scored at a time where no gradient is needed: it bounds the memory, and is the same for every user."""

    pairs_chosen_from: ClassVar[int] = 4096
    """Pairs scored at a time to choose negatives among them: it bounds the memory, and fills a GPU."""

    config: EmbeddingSettings
    n_users: int
    n_items: int

    def __init__(self, config: Subscriptable, dataset: Any) -> None:
        super().__init__()
        self.config = model_config(config, self.settings)
        self.fields = fields(config)
        self.n_users, self.n_items = sizes(dataset, self.fields)
        self.user_embedding = nn.Embedding(self.n_users, self.config.embedding_size)
        self.item_embedding = nn.Embedding(self.n_items, self.config.embedding_size)
        with torch.no_grad():
            for table in (self.user_embedding.weight, self.item_embedding.weight):
                if self.config.embedding_start == "truncated":
                    truncated_normal(table, self.config.embedding_std)
                else:  # torch drew N(0, 1); scaled, not drawn again, so that a seed gives RecBole's start
                    table.mul_(self.config.embedding_std)
        self.loss = ConvNCFBPRLoss()
        if self.config["train_method"] == "after_pretrain":
            if not self.config.pretrained_from:
                raise PretrainingError(
                    "train_method after_pretrain needs pre_model_path: a run folder or a .safetensors file."
                )
            self.start_from(*read_embeddings(self.config.pretrained_from))

    def start_from(self, user_vectors: Tensor, item_vectors: Tensor) -> None:
        """Copy pretrained embeddings, (n_users, D) and (n_items, D); row u becomes the vector of user index u.

        Raises PretrainingError when a shape differs or a value is not finite; then nothing is copied.
        """
        pairs = [("user", self.user_embedding, user_vectors), ("item", self.item_embedding, item_vectors)]
        for kind, embedding, vectors in pairs:
            expected, actual = list(embedding.weight.shape), list(vectors.shape)
            if actual != expected:
                raise PretrainingError(
                    f"pretrained {kind} vectors have shape {actual}, the model needs {expected}. "
                    "Pretrain with the same embedding size, on the same users and items."
                )
            if not torch.isfinite(vectors).all():
                raise PretrainingError(f"pretrained {kind} vectors hold NaN or infinite values. Pretrain again.")
        with torch.no_grad():
            for _, embedding, vectors in pairs:
                embedding.weight.copy_(vectors)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,)."""
        raise NotImplementedError

    def triple_scores(self, user: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of a batch's positives and of its negatives: (B,), (B,), (B,) -> (B,), (B,)."""
        return self(user, positive), self(user, negative)

    def hardest(self, user: Tensor, items: Tensor) -> Tensor:
        """Of each user's items the one that scores highest, the first of equals: (B,), (B, n) -> (B,) item indices.

        No gradient and no dropout. Zhang et al., "Optimizing Top-N Collaborative Filtering via Dynamic Negative Item
        Sampling", SIGIR 2013.
        """
        rows = max(1, self.pairs_chosen_from // items.shape[1])
        with scoring(self):
            chunks = zip(torch.split(user, rows), torch.split(items, rows), strict=True)
            best = [self.scores_of(chunk, rivals).argmax(dim=1, keepdim=True) for chunk, rivals in chunks]  # (≤rows, 1)
        return items.gather(1, torch.cat(best))[:, 0]

    def scores_of(self, user: Tensor, items: Tensor) -> Tensor:
        """Scores of several items for each user: (B,), (B, n) -> (B, n)."""
        scores: Tensor = self(user.repeat_interleave(items.shape[1]), items.flatten())
        return scores.view(items.shape)

    def weights(self) -> list[Tensor]:
        """Weights of the network, without biases and embeddings."""
        raise NotImplementedError

    def predict(self, interaction: Subscriptable) -> Tensor:
        """Scores of a batch's pairs, shape [batch_size]."""
        scores: Tensor = self(interaction[self.fields.user], interaction[self.fields.item])
        return scores

    def reg_loss(self) -> Tensor:
        """L2 penalty that does not depend on the batch, shape [].

        penalty "norms" (RecBole): un-squared norms of both embedding tables and of each weight.
        penalty "squared" (the paper): squared norms of the weights; the batch's embeddings join in `calculate_loss`.
        """
        of_embeddings, of_network = self.config.reg_weights
        penalty = self.user_embedding.weight.new_zeros(())
        if self.config.penalty == "norms":
            penalty = of_embeddings * sum_of_norms([self.user_embedding.weight, self.item_embedding.weight])
        if weights := self.weights():
            norm = sum_of_norms if self.config.penalty == "norms" else squared_norm
            penalty = penalty + of_network * norm(weights)
        return penalty

    def pairwise_loss(self, interaction: Subscriptable) -> Tensor:
        """BPR loss of a batch of triples, without the L2 penalty, shape []."""
        user = interaction[self.fields.user]  # (B,)
        positive, negative = interaction[self.fields.item], interaction[self.fields.negative]  # (B,), (B,)
        loss: Tensor = self.loss(*self.triple_scores(user, positive, negative))
        return loss

    def loss_and_penalty(self, interaction: Subscriptable) -> tuple[Tensor, Tensor]:
        """The two terms of `calculate_loss`: the BPR loss and the L2 penalty, each of shape []."""
        loss = self.pairwise_loss(interaction)
        user = interaction[self.fields.user]  # (B,)
        positive, negative = interaction[self.fields.item], interaction[self.fields.negative]  # (B,), (B,)
        penalty = self.reg_loss()
        of_embeddings = self.config.reg_weights[0]
        if self.config.penalty == "squared" and of_embeddings:
            batch = [self.user_embedding(user), self.item_embedding(positive), self.item_embedding(negative)]  # (B, D)
            penalty = penalty + of_embeddings * squared_norm(batch)
        return loss, penalty

    def calculate_loss(self, interaction: Subscriptable) -> Tensor:
        """BPR loss of a batch of triples plus the L2 penalty, shape []."""
        loss, penalty = self.loss_and_penalty(interaction)
        return loss + penalty

    def score_items(self, user: int) -> Tensor:
        """Scores of every item for one user, (n_items,) float32 on the CPU; no gradient, no dropout."""
        # whole chunks, the last one padded: with fewer rows, sums could depend on the number of threads
        n = -(-self.n_items // self.pairs_at_once) * self.pairs_at_once
        items = torch.arange(n).clamp(max=self.n_items - 1)  # (n,)
        return self.score_pairs(torch.full_like(items, user), items)[: self.n_items]

    def score_users(self, users: Tensor) -> Tensor:
        """Scores of every item for several users, (U,) -> (U, n_items) float32 on the model's device."""
        return torch.stack([self.score_items(user) for user in users.tolist()]).to(self.device)

    @property
    def device(self) -> str:
        """Where the model is: "cpu", "cuda:0"."""
        return str(self.item_embedding.weight.device)

    def score_pairs(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs, (B,), (B,) -> (B,) float32 on the CPU; no gradient, no dropout."""
        device = self.item_embedding.weight.device
        user, item = user.to(device), item.to(device)
        with scoring(self):
            chunks = zip(torch.split(user, self.pairs_at_once), torch.split(item, self.pairs_at_once), strict=True)
            return torch.cat([self(users, items) for users, items in chunks]).float().cpu()

    def full_sort_predict(self, interaction: Subscriptable) -> Tensor:
        """Scores of every item for a batch's users, one after the other, shape [batch_size * n_items]."""
        users: Tensor = interaction[self.fields.user]
        return torch.cat([self.score_items(user) for user in users.tolist()]).to(users.device)


@contextmanager
def scoring(model: nn.Module) -> Iterator[None]:
    """No gradients and no dropout inside; when the last thread has left, the model's training mode is what it was."""
    with _scoring_lock:
        n_threads, training = _in_scoring.get(model, (0, model.training))
        _in_scoring[model] = n_threads + 1, training
        if not n_threads and training:
            model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        with _scoring_lock:
            n_threads, training = _in_scoring.pop(model)
            if n_threads > 1:
                _in_scoring[model] = n_threads - 1, training
            elif training:
                model.train()


_scoring_lock = threading.Lock()
_in_scoring: WeakKeyDictionary[nn.Module, tuple[int, bool]] = WeakKeyDictionary()
"""Models that threads are scoring with: how many threads, and whether the model was in training before the first."""
