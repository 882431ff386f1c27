"""What is refused before any work: exit code 1, words with what to do instead, and no run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.runs import RunStore
from tests.in_process import Commands
from tests.worlds import save_dataset


@pytest.fixture
def convncf(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Commands:
    save_dataset(home)
    return Commands(home, monkeypatch, capfd)


def refused(convncf: Commands, *arguments: str) -> str:
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
        ("train.learning_rate=0.1", "Did you mean train.lr_embedding"),
        ("train.epochs =3", "Write train.epochs=3"),
        (" train.epochs=3", "Write train.epochs=3"),
        ("trian.epochs=3", "Did you mean train.epochs"),
        ("train.epochs", "Write KEY=VALUE"),
        ("=3", "does not exist"),
        ("", "Write KEY=VALUE"),
        ("train.optimizer=adm", "'adam', 'adamw', 'adagrad' or 'sgd'"),
        ("train.lr_embedding=NaN", "finite"),
        ("train.lr_embedding=-1", "train.lr_embedding = -1 (from flag)"),
        ("train.epochs=1.5", "train.epochs = 1.5"),
        ("train.batch_size=0", "train.batch_size = 0"),
        ("model.embedding_size=1e9", "less than or equal to"),
        ("eval.monitor=NDCG@0", "Write it with its cut-off"),
        ("eval.monitor=MPA@12", "Did you mean MAP"),
        ("eval.ks=[]", "at least one cut-off"),
        ("eval.negatives=999", "no effect while eval.protocol is full"),
        ("train.momentum=0.5", "no effect while train.optimizer is adam"),
        ("data.ratios=[0,0,1]", "leave something for training"),
        ("data.split=ready", "ready"),
        ("data.min_rating=4", "rating"),
        ("data.min_user=1000", "Loosen that filter"),
        ("model.pre_model_path=nowhere", "train_method=after_pretrain"),
        ("seed=-1", "seed = -1"),
    ],
)
def test_a_setting_that_cannot_be_applied(convncf: Commands, setting: str, advice: str) -> None:
    assert advice in refused(convncf, "--set", setting)


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("a.toml", "[train]\nepochs = 3\nlearning_rate = 1\n", "Did you mean train.lr_embedding"),
        ("a.json", '{"train": {"epochs": 3}', "a.json, line 1: Expecting"),
        ("b.json", '{"train": {"epochs": 3, "epochs": 4}}', "stands twice"),
        ("c.json", '{"train.epochs": 3, "train": {"epochs": 4}}', "given twice"),
        ("d.json", "[]", "holds a list, not settings"),
    ],
)
def test_a_file_of_settings_that_cannot_be_applied(
    convncf: Commands, tmp_path: Path, name: str, text: str, advice: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    said = refused(convncf, "--config", str(tmp_path / name))
    assert advice in said
    assert name in said


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_device_that_is_absent(convncf: Commands, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convncf.runtime.devices.gpus", lambda: ())
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = refused(convncf, "--device", device)
    assert f"device '{device}' is absent: " in said
    assert any(reason in said for reason in ("CPU build", "no NVIDIA driver"))
    assert "--device cpu" in said
