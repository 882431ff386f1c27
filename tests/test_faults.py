"""What befalls a home and its runs, seen from the command line: words and an exit code, and the rest goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from convncf.data import catalogue
from convncf.runs import Run, RunStore, Status
from tests.command_line import CommandLine
from tests.worlds import checkerboard, finished_run, save_dataset, stopped_twin, without_clock

# ---------------------------------------------------------------- damaged files

USER = ("--user", "u1")
READERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "config.json": (
        ("runs", "show", "tiny"),
        ("evaluate", "tiny"),
        ("resume", "cut"),
        ("compare", "tiny", "other"),
        ("recommend", "tiny", *USER),
        ("inspect", "tiny", *USER, "--item", "i1"),
    ),
    "status.json": (("runs", "show", "tiny"), ("resume", "cut"), ("runs", "stop", "tiny"), ("runs", "kill", "cut")),
    "report.json": (("compare", "tiny", "other"),),
    "model.safetensors": (
        ("evaluate", "tiny"),
        ("recommend", "tiny", *USER),
        ("inspect", "tiny", *USER, "--item", "i1"),
    ),
    "checkpoints/epoch-0002.safetensors": (("inspect", "tiny", *USER, "--item", "i1", "--epoch", "2"),),
    "checkpoints/training-state.safetensors": (("resume", "cut"),),
    "per_user.parquet": (("compare", "tiny", "other"),),
}
"""File -> the commands that read it of the run that they name first."""


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbage(content: bytes) -> bytes:
    return b"\x00\xff\x17garbage" * 50


def zeros(content: bytes) -> bytes:
    return b"\0" * len(content)


@pytest.mark.parametrize("damage", [half, *(pytest.param(each, marks=pytest.mark.full) for each in (garbage, zeros))])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_named_by_whoever_reads_it_and_the_list_goes_on(
    home: Path, convncf: CommandLine, name: str, damage: Callable[[bytes], bytes]
) -> None:
    finished_run(home)
    shutil.copytree(home / "runs" / "tiny", home / "runs" / "other")
    stopped_twin(home)
    for run in ("tiny", "cut"):
        path = home / "runs" / run / name
        if path.exists():
            path.write_bytes(damage(path.read_bytes()))
    for command in READERS[name]:
        said = convncf.refused(*command)
        assert str(Path(name).name) in said
        assert any(word in said for word in ("estore", "elete the run", "resume begins")), said
    listed = {entry["run"]: entry for entry in json.loads(convncf("runs", "--json").out)["runs"]}
    assert listed.keys() == {"tiny", "cut", "other"}
    assert listed["other"]["state"] == "finished"
    if name in ("config.json", "status.json", "report.json"):
        assert listed["tiny"]["state"] == "broken"
        assert name in listed["tiny"]["message"]
        assert name in convncf("runs").err
    assert convncf("runs", "delete", "tiny", "--yes").code == 0, "what is broken can be deleted"


@pytest.mark.parametrize("line", ['{"hello": "world"}', "<<<<<<< HEAD", "[]"])
def test_a_foreign_line_among_the_epochs_is_named_and_taken_out_by_hand(
    home: Path, convncf: CommandLine, line: str
) -> None:
    run = stopped_twin(home)
    path = run.path / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, *lines[1:]]) + "\n")
    said = convncf.refused("resume", "cut")
    assert "metrics.jsonl, line 2" in said
    assert "that line" in said
    path.write_text("\n".join(lines) + "\n")
    assert convncf("resume", "cut").code == 0
    assert without_clock(run.metrics()) == without_clock(finished_run(home / "whole").metrics())


@pytest.mark.parametrize("content", [b"", b"\0" * 99, None])
def test_epochs_that_are_gone_are_none_to_a_reader(home: Path, convncf: CommandLine, content: bytes | None) -> None:
    """metrics.jsonl emptied: nothing but curves is lost, and resume still ends with the same report."""
    run = stopped_twin(home)
    (run.path / "metrics.jsonl").unlink()
    if content is not None:
        (run.path / "metrics.jsonl").write_bytes(content)
    report = json.loads(convncf("resume", "cut", "--json").out)
    known = finished_run(home / "whole").report()
    assert known is not None
    assert report["metrics"] == known["metrics"]


@pytest.mark.parametrize("damage", [half, garbage])
def test_embeddings_of_a_run_whose_vocabulary_is_damaged_are_not_taken(
    home: Path, convncf: CommandLine, damage: Callable[[bytes], bytes]
) -> None:
    run = finished_run(home)
    path = run.path / "vocabulary.parquet"
    path.write_bytes(damage(path.read_bytes()))
    settings = {
        "model.pre_model_path": "tiny",
        "model.train_method": "after_pretrain",
        "pretrain.epochs": "0",
        "model.embedding_size": "8",
        "model.cnn_channels": "[1,4,4,4]",
        "model.cnn_kernels": "[2,2,2]",
        "model.cnn_strides": "[2,2,2]",
    }
    chosen = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    said = convncf.refused("train", "--dataset", "toy", "--name", "new", *chosen)
    assert "vocabulary.parquet" in said
    assert RunStore(home).names() == ("tiny",)


# ---------------------------------------------------------------- the data under a run


def test_data_that_changed_under_its_run_went_and_came_back(home: Path, convncf: CommandLine) -> None:
    finished_run(home)
    stopped_twin(home)
    first = convncf("evaluate", "tiny", "--json")
    commands = [("evaluate", "tiny"), ("resume", "cut"), ("recommend", "tiny", *USER)]
    shutil.move(home / "datasets" / "toy", home / "aside")

    for command in commands:
        said = convncf.refused(*command)
        assert "'toy'" in said
        assert "convncf datasets add" in said
    assert convncf("runs").code == convncf("runs", "show", "tiny").code == 0

    save_dataset(home, "toy", checkerboard(seed=5))
    for command in commands:
        said = convncf.refused(*command)
        assert "'toy' has changed" in said
        assert "a new run" in said
    listed = {entry["run"]: entry["state"] for entry in json.loads(convncf("runs", "--json").out)["runs"]}
    assert listed == {"tiny": "finished", "cut": "failed"}

    catalogue.delete("toy", home)
    shutil.move(home / "aside", home / "datasets" / "toy")
    again = convncf("evaluate", "tiny", "--json")
    timeless = {key: value for key, value in json.loads(first.out).items() if key != "seconds"}
    assert timeless == {key: value for key, value in json.loads(again.out).items() if key != "seconds"}
    assert convncf("resume", "cut").code == 0


# ---------------------------------------------------------------- homes

ALL = (
    ("train", "--model", "popularity", "--name", "new"),
    ("train", "--model", "popularity", "--name", "new", "--detach"),
    ("train", "--model", "popularity"),
    ("demo",),
    ("datasets", "add", "shop.csv"),
)
"""CommandLine that write."""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checkerboard().to_csv(tmp_path / "shop.csv", index=False)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("command", [*ALL, ("runs",), ("datasets",), ("evaluate", "tiny"), ("resume", "tiny")])
@pytest.mark.parametrize("inside", ["", "under/it"])
def test_a_home_that_is_a_file_or_lies_in_one(tmp_path: Path, command: tuple[str, ...], inside: str) -> None:
    (tmp_path / "file").write_text("mine")
    convncf = CommandLine(tmp_path / "file" / inside)
    said = convncf.refused(*command)
    assert str(convncf.home) in said
    assert "CONVNCF_HOME chooses another" in said
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("command", ALL)
def test_a_home_that_cannot_be_made(command: tuple[str, ...]) -> None:
    convncf = CommandLine(Path("/proc/convncf-home"))  # not even root can make a folder there
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc here")
    said = convncf.refused(*command)
    assert "/proc/convncf-home" in said
    assert "CONVNCF_HOME chooses another" in said


def test_a_home_that_does_not_exist_yet_is_empty_and_made_by_the_first_run(tmp_path: Path) -> None:
    convncf = CommandLine(tmp_path / "deep" / "er")
    assert json.loads(convncf("runs", "--json").out)["runs"] == []
    assert not convncf.home.exists(), "looking makes nothing"
    assert convncf("train", "--model", "popularity", "--name", "first").code == 0
    assert RunStore(convncf.home).names() == ("first",)


# ---------------------------------------------------------------- names

ODD = ["a/b", "../datasets", "..", ".", "", "CON", "🎬", "x" * 300, "trailing.", " leading", "new\nline"]
ODD += ["../home/runs/tiny"]
NAMED = (
    ("evaluate",),
    ("resume",),
    ("work",),
    ("recommend", *USER),
    ("inspect", *USER, "--item", "i1"),
    ("compare", "tiny"),
    ("runs", "show"),
    ("runs", "log"),
    ("runs", "stop"),
    ("runs", "kill"),
    ("runs", "delete", "--yes"),
)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_finds_no_run_and_makes_none(home: Path, convncf: CommandLine, name: str) -> None:
    finished_run(home)
    before = sorted(home.parent.rglob("*"))
    for command in NAMED:
        assert "does not exist" in convncf.refused(*command, "--", name), command
    for more in ((), ("--detach",)):
        said = convncf.refused("train", "--dataset", "toy", "--model", "popularity", f"--name={name}", *more)
        assert "would do" in said
    left = [path for path in sorted(home.parent.rglob("*")) if path not in before and path.suffix != ".lock"]
    assert left == []


# ---------------------------------------------------------------- how runs ended


def test_each_way_of_ending_is_told_apart_and_can_be_resumed(home: Path, convncf: CommandLine) -> None:
    whole = without_clock(finished_run(home / "whole").metrics())
    run = stopped_twin(home)
    shutil.copytree(run.path, home / "runs" / "killed")
    shutil.copytree(run.path, home / "runs" / "terminated")
    # its worker died with the lock file in place, and the process id is somebody else's by now: this process's parent
    gone = Run(home / "runs" / "killed")
    gone.hold().release()
    gone.write_status(Status(state="running", phase="training", pid=1))
    Run(home / "runs" / "terminated").write_status(Status(state="stopped", pid=1, message="stopped in training"))

    def states() -> dict[str, str]:
        return {entry["run"]: entry["state"] for entry in json.loads(convncf("runs", "--json").out)["runs"]}

    assert states() == {"cut": "failed", "killed": "lost", "terminated": "stopped"}
    shown = json.loads(convncf("runs", "show", "cut", "--json").out)
    assert shown["message"] == "ArithmeticError: epoch 2 went wrong"
    assert "has no worker" in convncf("runs", "kill", "killed", "--force").err
    for name in states():
        assert convncf("resume", name).code == 0
        assert without_clock(RunStore(home).open(name).metrics()) == whole
    assert set(states().values()) == {"finished"}
