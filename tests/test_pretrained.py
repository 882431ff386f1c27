"""Starting from pretrained embeddings: copied whole, or refused with a reason."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from convncf.errors import PretrainingError
from convncf.models import ConvNCF
from convncf.models.base import Sizes

SMALL: dict[str, Any] = {"embedding_size": 8, "cnn_channels": [1, 4, 3], "cnn_kernels": [4, 2], "cnn_strides": [4, 2]}


def small(**changes: Any) -> ConvNCF:
    torch.manual_seed(3)
    return ConvNCF(SMALL | changes, Sizes(n_users=5, n_items=7))


def tables() -> dict[str, Tensor]:
    return {
        "user_embedding.weight": torch.arange(40.0).view(5, 8),
        "item_embedding.weight": torch.arange(56.0).view(7, 8),
    }


def test_start_from_copies_both_tables_and_nothing_else() -> None:
    model = small()
    before = model.output.weight.clone()
    user, item = tables().values()
    model.start_from(user, item)
    assert torch.equal(model.user_embedding.weight, user)
    assert torch.equal(model.item_embedding.weight, item)
    assert torch.equal(model.output.weight, before)
    user[0, 0] = 99
    assert model.user_embedding.weight[0, 0] == 0


@pytest.mark.parametrize(
    ("item", "reason"), [(torch.zeros(7, 4), r"\[7, 4\].*\[7, 8\]"), (torch.full((7, 8), math.nan), "NaN")]
)
def test_start_from_refuses_what_does_not_fit_and_then_copies_nothing(item: Tensor, reason: str) -> None:
    model = small()
    before = model.user_embedding.weight.clone()
    with pytest.raises(PretrainingError, match=reason):
        model.start_from(torch.zeros(5, 8), item)
    assert torch.equal(model.user_embedding.weight, before)


@pytest.mark.parametrize("folder", [False, True])
def test_after_pretrain_reads_a_safetensors_file_or_a_run_folder(tmp_path: Path, folder: bool) -> None:
    file = tmp_path / "model.safetensors"
    save_file(tables() | {"cnn.0.bias": torch.zeros(4)}, file)
    model = small(train_method="after_pretrain", pre_model_path=str(tmp_path if folder else file))
    assert torch.equal(model.item_embedding.weight, tables()["item_embedding.weight"])


def test_without_after_pretrain_the_path_is_not_read() -> None:
    assert torch.equal(small(pre_model_path="nowhere.safetensors").item_embedding.weight, small().item_embedding.weight)


def test_pretrained_files_that_cannot_serve_are_refused_by_name(tmp_path: Path) -> None:
    save_file({"user_embedding.weight": torch.zeros(5, 8)}, tmp_path / "half.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"not tensors")
    (tmp_path / "BPR.pth").write_bytes(b"")
    cases = {
        "": "pre_model_path",
        str(tmp_path / "BPR.pth"): r"BPR\.pth.*run code.*safetensors",
        str(tmp_path / "none.safetensors"): "no such file",
        str(tmp_path / "half.safetensors"): "item_embedding.weight",
        str(tmp_path / "junk.safetensors"): "not a safetensors file",
        str(tmp_path): r"model\.safetensors: no such file",
    }
    for path, reason in cases.items():
        with pytest.raises(PretrainingError, match=reason):
            small(train_method="after_pretrain", pre_model_path=path)
