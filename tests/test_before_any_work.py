"""What is refused before any work: exit code 1, words with what to do instead, and no run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.runs import RunStore
from tests.command_line import CommandLine

pytestmark = pytest.mark.usefixtures("toy")


def refused(convncf: CommandLine, *arguments: str) -> str:
    """What a training with these arguments is told; it has left nothing behind, detached or not."""
    said = [convncf.refused("train", "--dataset", "toy", "--name", "new", *arguments, *more) for more in ((), DETACHED)]
    assert said[0] == said[1]
    assert RunStore(convncf.home).names() == ()
    assert not list(convncf.home.glob("runs/.new-*"))
    return said[0]


DETACHED = ("--detach", "--json")


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        ("train.learning_rate=0.1", "mean train.lr_embedding"),
        ("train.epochs =3", "Write train.epochs=3"),
        (" train.epochs=3", "Write train.epochs=3"),
        ("trian.epochs=3", "mean train.epochs"),
        ("train.epochs", "Write KEY=VALUE"),
        ("=3", "does not exist"),
        ("", "Write KEY=VALUE"),
        ("train.optimizer=adm", "'adam', 'adamw', 'adagrad'"),
        ("train.lr_embedding=NaN", "finite"),
        ("train.lr_embedding=-1", "train.lr_embedding = -1"),
        ("train.epochs=1.5", "train.epochs = 1.5"),
        ("train.batch_size=0", "train.batch_size = 0"),
        ("model.embedding_size=1e9", "model.embedding_size = 1000000000.0"),
        ("eval.monitor=NDCG@0", "NDCG@0"),
        ("eval.monitor=MPA@12", "Did you mean MAP"),
        ("eval.ks=[]", "eval.ks = []"),
        ("eval.negatives=999", "eval.protocol is full"),
        ("train.momentum=0.5", "train.optimizer is adam"),
        ("data.ratios=[0,0,1]", "data.ratios"),
        ("data.split=predefined", "predefined"),
        ("data.min_rating=4", "rating"),
        ("data.min_user=1000", "Relax that filter"),
        ("model.pre_model_path=nowhere", "train_method=after_pretrain"),
        ("seed=-1", "seed = -1"),
    ],
)
def test_a_setting_that_cannot_be_applied(convncf: CommandLine, setting: str, advice: str) -> None:
    assert advice in refused(convncf, "--set", setting)


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("a.toml", "[train]\nepochs = 3\nlearning_rate = 1\n", "mean train.lr_embedding"),
        ("a.json", '{"train": {"epochs": 3}', "a.json, line 1: Expecting"),
        ("b.json", '{"train": {"epochs": 3, "epochs": 4}}', "stands twice"),
        ("c.json", '{"train.epochs": 3, "train": {"epochs": 4}}', "given twice"),
        ("d.json", "[]", "d.json"),
    ],
)
def test_a_file_of_settings_that_cannot_be_applied(
    convncf: CommandLine, tmp_path: Path, name: str, text: str, advice: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    said = refused(convncf, "--config", str(tmp_path / name))
    assert advice in said
    assert name in said


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_device_that_is_absent(convncf: CommandLine, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convncf.runtime.devices.gpus", lambda: ())
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = refused(convncf, "--device", device)
    assert f"device '{device}' is absent: " in said
    assert any(reason in said for reason in ("CPU build", "no NVIDIA driver"))
    assert "--device cpu" in said
