"""One run folder: who holds it, how it stands, its rows and tensors, and what is damaged."""

from __future__ import annotations

import errno
import io
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors import SafetensorError

from convncf import jobs
from convncf.errors import CheckpointError, RunBrokenError, RunBusyError
from convncf.runs import Run, RunStore, Status, load_tensors, save_tensors
from convncf.runs import status as status_module
from tests.concurrency import together
from tests.worlds import created, finished_run

# ---------------------------------------------------------------- lock and status


def test_a_run_that_is_held_is_held_by_one(run: Run) -> None:
    assert not run.locked()
    lock = run.hold()
    assert run.locked()
    with pytest.raises(RunBusyError, match="a worker already"):
        Run(run.path).hold(timeout=0)
    lock.release()
    assert not run.locked()
    run.hold(timeout=0).release()


def test_those_who_look_whether_a_run_is_held_do_not_see_each_other(run: Run) -> None:
    run.hold().release()
    wrong: list[bool] = []

    def look(number: int) -> None:
        own = Run(run.path)
        for _ in range(150):
            if own.locked():
                wrong.append(True)

    together(look, 4)
    assert wrong == []


def test_looking_does_not_keep_a_worker_from_its_run(run: Run) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            run.locked()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(20):
            Run(run.path).hold().release()
    finally:
        stop.set()
        watcher.join(20)


def test_an_active_state_without_a_worker_is_lost(run: Run) -> None:
    run.write_status(Status(state="running", pid=os.getpid(), phase="training", eta_seconds=5.0))
    lost = run.status()
    assert (lost.state, lost.active, lost.eta_seconds) == ("lost", False, None)
    assert "resume" in lost.message
    lock = run.hold()
    assert run.status().state == "running"
    lock.release()
    assert run.status().state == "lost"
    assert json.loads((run.path / "status.json").read_text())["state"] == "running", "reading changes nothing"


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_an_end_is_an_end_whoever_holds_the_lock(run: Run, state: str) -> None:
    run.write_status(Status(state=state, pid=1))
    assert run.status().state == state
    lock = run.hold()
    assert run.status().state == state
    lock.release()


def test_a_finished_run_whose_report_is_gone_can_be_taken_up_again(home: Path) -> None:
    run = finished_run(home)
    known, rows = run.report(), run.metrics()
    assert known is not None
    (run.path / "report.json").unlink()
    assert (run.status().state, run.status().resumable) == ("lost", True)
    assert "report.json is missing" in run.status().message
    report = jobs.work(run)
    assert run.status().state == "finished"
    assert report["metrics"] == known["metrics"]
    assert run.metrics() == rows, "nothing was trained anew"


def test_a_launched_run_waits_for_its_worker_before_it_is_lost(run: Run) -> None:
    run.write_status(Status(updated=time.time()))
    assert run.status().state == "queued"
    run.write_status(Status(updated=time.time() - status_module.PICKUP_SECONDS - 1))
    assert run.status().state == "lost"


def test_a_worker_that_ends_while_somebody_looks_is_not_lost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = run.hold()
    run.write_status(Status(state="running", pid=os.getpid()))

    def locked(self: Run) -> bool:
        # the worker writes its last word and goes, between the reader's two looks
        self.write_status(Status(state="finished", pid=os.getpid()))
        lock.release()
        return False

    monkeypatch.setattr(Run, "locked", locked)
    assert run.status().state == "finished"


def test_a_status_of_a_later_version_can_be_read(run: Run) -> None:
    (run.path / "status.json").write_text('{"state": "finished", "colour": "blue"}')
    assert run.status().state == "finished"


def test_the_note_to_stop_is_left_and_taken_away(run: Run) -> None:
    assert not run.stop_asked()
    run.ask_to_stop()
    run.ask_to_stop()
    assert run.stop_asked()
    run.clear_stop()
    run.clear_stop()
    assert not run.stop_asked()


# ---------------------------------------------------------------- metrics.jsonl


def test_rows_come_back_as_they_were_written(run: Run) -> None:
    rows = [{"phase": "training", "epoch": n, "loss": 0.1 + n, "word": "é ☃\u2028"} for n in range(3)]
    for row in rows:
        run.append_metrics(row)
    assert run.metrics() == rows


def row(epoch: int, **more: Any) -> dict[str, Any]:
    return {"phase": "training", "epoch": epoch, **more}


@pytest.mark.parametrize("cut", [1, 5, -1])
def test_a_last_line_that_was_cut_short_is_left_aside(run: Run, cut: int) -> None:
    run.append_metrics(row(0, word="é"))
    line = '{"phase": "training", "epoch": 1, "word": "éé"}'.encode()
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(line[:cut])
    assert run.metrics() == [row(0, word="é")]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ('{"phase": "training", "epoch": 1', "delimiter"),
        ("[1]", "holds a list"),
        ("5", "holds a int"),
        ("\0\0\0", "Expecting value"),
        ("<<<<<<< HEAD", "Expecting value"),
        ('{"hello": "world"}', "lacks phase, epoch"),
        ('{"phase": "training", "epoch": 1, "loss": NaN}', "NaN is no JSON"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_damaged_line_in_the_middle_is_named(run: Run, damage: str, words: str) -> None:
    lines = [json.dumps(row(0)), damage, json.dumps(row(2))]
    (run.path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(RunBrokenError, match=rf"metrics\.jsonl, line 2: .*{words}"):
        run.metrics()


def test_a_row_that_strict_json_cannot_hold_is_not_written(run: Run) -> None:
    run.append_metrics(row(0, loss=1.0))
    with pytest.raises(ValueError, match="JSON"):
        run.append_metrics(row(1, loss=float("nan")))
    assert run.metrics() == [row(0, loss=1.0)]


def test_rows_that_are_there_already_are_not_written_again(run: Run) -> None:
    run.append_metrics(row(0))
    before = (run.path / "metrics.jsonl").stat()
    run.replace_metrics([row(0)])
    assert (run.path / "metrics.jsonl").stat().st_ino == before.st_ino
    run.replace_metrics([])
    assert run.metrics() == []


# ---------------------------------------------------------------- tensors


def test_tensors_and_facts_come_back_bit_for_bit(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4).T, "b": torch.arange(3), "c": torch.tensor(0.5, dtype=torch.float64)}
    save_tensors(tmp_path / "x.safetensors", tensors, {"epoch": 3, "words": "é"})
    loaded, facts = load_tensors(tmp_path / "x.safetensors")
    assert loaded.keys() == tensors.keys()
    assert all(
        torch.equal(loaded[name], tensor) and loaded[name].dtype == tensor.dtype for name, tensor in tensors.items()
    )
    assert facts == {"epoch": 3, "words": "é"}


def test_tensors_that_cannot_be_loaded_are_named_and_code_is_never_run(tmp_path: Path) -> None:
    for name in ("x.pth", "x.pt", "x.bin", "x.ckpt"):
        with pytest.raises(CheckpointError, match="can run code"):
            load_tensors(tmp_path / name)
    with pytest.raises(CheckpointError, match=r"x\.safetensors"):
        load_tensors(tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match=r"x\.safetensors: damaged"):
        load_tensors(tmp_path / "x.safetensors")


def test_checkpoints_are_listed_in_order_and_the_start_is_called_so(run: Run) -> None:
    for epoch in (10_000, 9_999, 0, 2):
        run.save_checkpoint(epoch, {"a": torch.zeros(1)}, {})
    (run.path / "checkpoints" / "epoch-best.safetensors").touch()
    assert [(c.epoch, c.label) for c in run.checkpoints()] == [
        (0, "start"),
        (2, "epoch 2"),
        (9_999, "epoch 9999"),
        (10_000, "epoch 10000"),
    ]


def test_the_log_ends_with_its_last_lines_however_long_it_is(run: Run) -> None:
    (run.path / "log.txt").write_text("".join(f"line {n} é\n" for n in range(20_000)), encoding="utf-8")
    assert run.log_tail(2) == "line 19998 é\nline 19999 é"


# ---------------------------------------------------------------- broken runs


@pytest.fixture
def broken(home: Path) -> Run:
    return finished_run(home)


def report_json(**changes: Any) -> str:
    """A report.json of which one value cannot be."""
    return json.dumps({"metrics": {}, "best_epoch": 1, "n_users_evaluated": 1, "seconds": 1.0} | changes)


def foreign_table() -> str:
    """Parquet, sound, and of somebody else; its bytes as latin-1."""
    written = io.BytesIO()
    pd.DataFrame({"colour": ["blue"]}).to_parquet(written)
    return written.getvalue().decode("latin-1")


DAMAGE: list[tuple[str, str | None, Callable[[Run], Any]]] = [
    ("config.json", None, Run.config),
    ("config.json", '{"settings": ', Run.config),
    ("config.json", "[]", Run.config),
    ("config.json", "{}", Run.config),
    ("config.json", '{"settings": {"seed": 1}}', Run.config),
    ("config.json", '{"settings": {"seed": {"source": "flag"}}}', Run.config),
    ("config.json", '{"settings": {"colour": {"value": 1, "source": "flag"}}}', Run.config),
    ("config.json", '{"settings": {"seed": {"value": "x", "source": "flag"}}}', Run.config),
    ("config.json", '{"settings": {"seed": {"value": 1}}}', Run.sources),
    ("config.json", '{"settings": {}}', lambda run: run.fingerprint),
    ("config.json", "\xff", Run.settings),
    ("status.json", None, Run.status),
    ("status.json", "", Run.status),
    ("status.json", '{"state": "dancing"}', Run.status),
    ("status.json", '{"state": "running", "updated": "today"}', Run.status),
    ("status.json", '{"state": null}', Run.status),
    ("status.json", '{"state": "stopped", "updated": NaN}', Run.status),
    ("status.json", "[" * 100_000, Run.status),
    ("config.json", "9" * 5_000, Run.config),
    ("metrics.jsonl", '{"epoch"\n{}\n', Run.metrics),
    ("report.json", '{"metrics": {', Run.report),
    ("report.json", "{}", Run.report),
    ("report.json", '"fine"', Run.report),
    ("report.json", report_json(metrics=[]), Run.report),
    ("report.json", report_json(metrics={"NDCG@10": "high"}), Run.report),
    ("report.json", report_json(best_epoch=None), Run.report),
    ("report.json", report_json(validation=3), Run.report),
    ("environment.json", "no", Run.environment),
    ("vocabulary.parquet", "no", lambda run: run.read_frame("vocabulary")),
    ("vocabulary.parquet", foreign_table(), lambda run: run.read_frame("vocabulary")),
    ("per_user.parquet", None, lambda run: run.read_frame("per_user")),
    ("per_user.parquet", foreign_table(), lambda run: run.read_frame("per_user")),
]


@pytest.mark.parametrize(("name", "content", "read"), DAMAGE, ids=[f"{d[0]}-{n}" for n, d in enumerate(DAMAGE)])
def test_a_damaged_file_is_named_and_the_list_survives(
    broken: Run, home: Path, name: str, content: str | None, read: Callable[[Run], Any]
) -> None:
    path = broken.path / name
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    store = RunStore(home)
    created(store, "sound")
    with pytest.raises(RunBrokenError, match=name.replace(".", r"\.")) as caught:
        read(store.open("tiny"))
    assert any(way in str(caught.value) for way in ("elete the run", "restore the file")), "what to do"
    assert store.names() == ("sound", "tiny")
    assert {run.name for run in store.all()} == {"sound", "tiny"}
    assert store.open("sound").broken() == ""
    if name in ("config.json", "status.json"):
        assert name in store.open("tiny").broken()
    store.delete("tiny")
    assert store.names() == ("sound",)


def test_a_damaged_status_says_how_the_run_is_saved_and_that_works(broken: Run, home: Path) -> None:
    (broken.path / "report.json").unlink()
    (broken.path / "status.json").write_bytes(b"\0" * 300)
    with pytest.raises(RunBrokenError, match=r'\{"state": "stopped"\}'):
        broken.status()
    (broken.path / "status.json").write_text('{"state": "stopped"}')
    assert broken.status().resumable
    jobs.work(broken)
    assert broken.status().state == "finished"


@pytest.mark.parametrize("phase", ["pretraining", "training"])
def test_a_damaged_state_says_what_resume_does_without_it(broken: Run, phase: str) -> None:
    path = broken.path / "checkpoints" / f"{phase}-state.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    words = rf"{phase}-state\.safetensors: damaged .* Without that file, resume begins the {phase} anew"
    with pytest.raises(CheckpointError, match=words):
        broken.load_state(phase)
    path.unlink()
    assert broken.load_state(phase) is None


def test_a_folder_where_a_file_should_be_is_said(broken: Run) -> None:
    for name in ("metrics.jsonl", "report.json"):
        (broken.path / name).unlink()
        (broken.path / name).mkdir()
    with pytest.raises(RunBrokenError, match=r"metrics\.jsonl: .*\(Is a directory\)"):
        broken.metrics()
    with pytest.raises(RunBrokenError, match=r"report\.json"):
        broken.report()


def test_tensors_on_a_full_disk_are_the_systems_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space left") as caught:
        save_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {})
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_runs_are_listed_newest_first_and_broken_ones_last(store: RunStore) -> None:
    for name in ("old", "broken", "new"):
        created(store, name)
        time.sleep(0.01)
    (store.folder / "broken" / "config.json").write_text("x")
    assert [run.name for run in store.all()] == ["new", "old", "broken"]
