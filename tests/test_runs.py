"""Run folders: whole or absent, readable by anyone, and clear about what is damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from filelock import FileLock
from hypothesis import example, given
from hypothesis import strategies as st

from convncf.errors import (
    CheckpointError,
    ConvNCFError,
    RunBrokenError,
    RunBusyError,
    RunExistsError,
    RunNameError,
    RunNotFoundError,
)
from convncf.runs import Run, RunStore, Status, load_tensors, save_tensors, slug
from convncf.runs import status as status_module
from tests.worlds import finished_run, litter, tiny


@pytest.fixture
def store(home: Path) -> RunStore:
    return RunStore(home)


def create(store: RunStore, name: str, request_id: str = "") -> Run:
    return store.create(name, tiny(), fingerprint="sha256:0", request_id=request_id)


@pytest.fixture
def run(store: RunStore) -> Run:
    return create(store, "first")


# ---------------------------------------------------------------- names


ODD = ["a/b", "..", ".", "", " ", "CON", "con.txt", "aux", "LPT1.x", "🎬", "a" * 300, "字" * 300, "𝒳" * 300, ".hidden"]
ODD += [
    "tab\there",
    "line\nbreak",
    "nul\0",
    "-rf",
    "trailing.",
    "trailing ",
    "a:b",
    "..\\..",
    "e\u0301te\u0301",
    "x" * 81,
]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_refused_with_one_that_would_do(store: RunStore, name: str) -> None:
    with pytest.raises(RunNameError) as caught:
        create(store, name)
    assert store.names() == ()
    proposed = str(caught.value).split(": ")[-1].removesuffix(" would do.").strip("'")
    made = create(store, proposed)
    assert made.path.is_dir()
    assert made.path.parent == store.folder
    assert store.names() == (proposed,)


@given(st.text(max_size=120))
@example("字" * 90)
@example("𝒳" * 90)
@example("con.txt")
@example("-" * 90 + "nul.")
def test_a_slug_is_a_slug_and_fits_every_file_system(text: str) -> None:
    name = slug(text)
    assert slug(name) == name
    assert 0 < len(name) <= 80
    assert len(name.encode()) <= 200, "a ticket of the queue has the name and 28 characters, and 255 bytes are allowed"
    assert not set('/\\:*?"<>|\0 ') & set(name)
    assert name.strip(".-") == name


def test_names_that_people_write_stay_as_they_are() -> None:
    for name in ("first", "convncf-movielens-small", "Été_2024.v2", "run 1".replace(" ", "-"), "7"):
        assert slug(name) == name
    assert slug("a/b") == "a-b"


@pytest.mark.parametrize("name", ["first", "x" * 80, "字" * 66])
def test_a_name_that_is_taken_is_refused_and_the_free_one_is_free(store: RunStore, name: str) -> None:
    create(store, name)
    for _ in range(3):
        with pytest.raises(RunExistsError) as caught:
            create(store, name)
        proposed = str(caught.value).split("'")[-2]
        assert create(store, proposed).name == proposed


def test_names_that_differ_in_case_alone_are_one_name(store: RunStore, run: Run) -> None:
    with pytest.raises(RunExistsError, match="'FIRST-2' is free"):
        create(store, "FIRST")


def test_a_run_that_is_not_there_is_named_with_those_that_are_like_it(store: RunStore, run: Run) -> None:
    with pytest.raises(RunNotFoundError, match=r"'frist' does not exist .*Did you mean first\?"):
        store.open("frist")
    for name in ("", ".", "..", "../runs/first", ".create.lock"):
        with pytest.raises(RunNotFoundError):
            store.open(name)


def test_an_empty_home_says_how_a_run_is_made(store: RunStore) -> None:
    assert store.names() == ()
    assert store.all() == ()
    with pytest.raises(RunNotFoundError, match="convncf demo"):
        store.open("first")


# ---------------------------------------------------------------- creating


def test_a_new_run_is_whole(store: RunStore, run: Run) -> None:
    assert run.config() == tiny().config
    assert run.status().state == "queued"
    assert run.metrics() == []
    assert run.report() is None
    assert run.environment() == {}
    assert run.checkpoints() == ()
    assert run.log_tail() == ""
    assert run.broken() == ""
    assert json.loads((run.path / "config.json").read_text())["name"] == "first"


def test_a_request_that_comes_again_gets_the_run_that_is_there(store: RunStore) -> None:
    first = create(store, "first", "page-1")
    assert create(store, "second", "page-1").path == first.path
    assert create(store, "second", "page-2").path != first.path
    assert create(store, "third").name == "third", "no request id matches no request id"
    assert create(store, "fourth").name == "fourth"


def test_a_creation_that_fails_leaves_nothing(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        create(store, "first")
    assert store.names() == ()
    assert [name for name in os.listdir(store.folder) if name != ".create.lock"] == []


def together(work: Callable[[int], None], n: int) -> None:
    """Run `work(0)` … `work(n - 1)` in threads that begin at the same moment."""
    ready = threading.Barrier(n)

    def one(number: int) -> None:
        ready.wait()
        work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_of_one_name_in_the_same_moment_are_two_folders_or_one_refusal(store: RunStore) -> None:
    for repetition in range(50):
        made: list[Run] = []
        refused: list[ConvNCFError] = []

        def work(
            number: int,
            name: str = f"demo-{repetition}",
            made: list[Run] = made,
            refused: list[ConvNCFError] = refused,
        ) -> None:
            try:
                made.append(store.create(name, tiny(seed=number), fingerprint=f"sha256:{number}"))
            except ConvNCFError as error:
                refused.append(error)

        together(work, 2)
        assert len(made) == 1
        assert isinstance(refused[0], RunExistsError)
        # config.json is one creator's alone
        assert made[0].fingerprint == f"sha256:{made[0].config().seed}"
        assert made[0].status().state == "queued"
    assert len(store.names()) == 50


def test_two_of_different_names_in_the_same_moment_are_two_folders(store: RunStore) -> None:
    made: list[Run] = []
    together(lambda number: made.extend(create(store, f"run-{number}-{n}") for n in range(8)), 4)
    assert len(store.names()) == len({run.path for run in made}) == 32


def test_one_request_from_many_threads_is_one_run(store: RunStore) -> None:
    made: list[Run] = []
    together(lambda number: made.append(create(store, f"run-{number}", "the-same")), 6)
    assert len({run.path for run in made}) == 1
    assert len(store.names()) == 1


def test_processes_that_create_one_name_together_share_no_folder(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from convncf.runs import RunStore\n"
        "from convncf.config import resolve; from convncf.errors import RunExistsError\n"
        f"store, made = RunStore(Path({str(home)!r})), 0\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for n in range(10):\n"
        "    try: store.create(f'run-{n}', resolve(seed=int(sys.argv[1])), fingerprint=sys.argv[1]); made += 1\n"
        "    except RunExistsError: pass\n"
        "print(made)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    made = [int(out) for out, _ in (process.communicate("go\n") for process in processes)]
    store = RunStore(home)
    assert sum(made) == len(store.names()) == 10
    assert all(run.fingerprint == str(run.config().seed) for run in store.all())


# ---------------------------------------------------------------- lock and status


def test_a_run_that_is_held_is_held_by_one(run: Run) -> None:
    assert not run.locked()
    lock = run.hold()
    assert run.locked()
    with pytest.raises(RunBusyError, match="has a worker already"):
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
        watcher.join()


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
    rows = [{"epoch": n, "loss": 0.1 + n, "word": "é ☃\u2028"} for n in range(3)]
    for row in rows:
        run.append_metrics(row)
    assert run.metrics() == rows


@pytest.mark.parametrize("cut", [1, 5, -1])
def test_a_last_line_that_was_cut_short_is_left_aside(run: Run, cut: int) -> None:
    run.append_metrics({"epoch": 0, "word": "é"})
    line = '{"epoch": 1, "word": "éé"}'.encode()
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(line[:cut])
    assert run.metrics() == [{"epoch": 0, "word": "é"}]


@pytest.mark.parametrize("damage", ['{"epoch": 1', "[1]", "5", "\0\0\0"])
def test_a_damaged_line_in_the_middle_is_named(run: Run, damage: str) -> None:
    (run.path / "metrics.jsonl").write_text(f'{{"epoch": 0}}\n{damage}\n{{"epoch": 2}}\n')
    with pytest.raises(RunBrokenError, match=r"metrics\.jsonl, line 2"):
        run.metrics()


def test_a_row_that_strict_json_cannot_hold_is_not_written(run: Run) -> None:
    run.append_metrics({"loss": 1.0})
    with pytest.raises(ValueError, match="JSON"):
        run.append_metrics({"loss": float("nan")})
    assert run.metrics() == [{"loss": 1.0}]


def test_rows_that_are_there_already_are_not_written_again(run: Run) -> None:
    run.append_metrics({"epoch": 0})
    before = (run.path / "metrics.jsonl").stat()
    run.replace_metrics([{"epoch": 0}])
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
    with pytest.raises(CheckpointError, match=r"x\.safetensors: no such file"):
        load_tensors(tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match=r"x\.safetensors: damaged"):
        load_tensors(tmp_path / "x.safetensors")


def test_checkpoints_are_listed_in_order_and_the_start_is_called_so(run: Run) -> None:
    for epoch in (10, 0, 2):
        run.save_checkpoint(epoch, {"a": torch.zeros(1)}, {})
    (run.path / "checkpoints" / "epoch-best.safetensors").touch()
    assert [(c.epoch, c.label) for c in run.checkpoints()] == [(0, "start"), (2, "epoch 2"), (10, "epoch 10")]


def test_the_log_ends_with_its_last_lines_however_long_it_is(run: Run) -> None:
    (run.path / "log.txt").write_text("".join(f"line {n} é\n" for n in range(20_000)), encoding="utf-8")
    assert run.log_tail(2) == "line 19998 é\nline 19999 é"


# ---------------------------------------------------------------- broken runs


@pytest.fixture
def broken(home: Path) -> Run:
    return finished_run(home)


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
    ("metrics.jsonl", '{"epoch"\n{}\n', Run.metrics),
    ("report.json", '{"metrics": {', Run.report),
    ("report.json", "{}", Run.report),
    ("report.json", '"fine"', Run.report),
    ("environment.json", "no", Run.environment),
    ("vocabulary.parquet", "no", lambda run: run.read_frame("vocabulary")),
    ("per_user.parquet", None, lambda run: run.read_frame("per_user")),
]


@pytest.mark.parametrize(("name", "content", "read"), DAMAGE, ids=lambda value: repr(value) if value is None else None)
def test_a_damaged_file_is_named_and_the_list_survives(
    broken: Run, home: Path, name: str, content: str | None, read: Callable[[Run], Any]
) -> None:
    path = broken.path / name
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    store = RunStore(home)
    create(store, "sound")
    with pytest.raises(RunBrokenError, match=name.replace(".", r"\.")):
        read(store.open("tiny"))
    assert store.names() == ("sound", "tiny")
    assert {run.name for run in store.all()} == {"sound", "tiny"}
    assert store.open("sound").broken() == ""
    if name in ("config.json", "status.json"):
        assert name in store.open("tiny").broken()
    store.delete("tiny")
    assert store.names() == ("sound",)


def test_runs_are_listed_newest_first_and_broken_ones_last(store: RunStore) -> None:
    for name in ("old", "broken", "new"):
        create(store, name)
        time.sleep(0.01)
    (store.folder / "broken" / "config.json").write_text("x")
    assert [run.name for run in store.all()] == ["new", "old", "broken"]


# ---------------------------------------------------------------- deleting


def test_a_run_is_deleted_unless_somebody_works_on_it(store: RunStore, run: Run) -> None:
    lock = run.hold()
    with pytest.raises(RunBusyError, match="stop it first"):
        store.delete("first")
    assert run.path.is_dir()
    lock.release()
    store.delete("first")
    assert store.names() == ()
    assert [name for name in os.listdir(store.folder) if name != ".create.lock"] == []
    with pytest.raises(RunNotFoundError):
        store.delete("first")


def test_a_finished_run_reads_back_whole(home: Path) -> None:
    run = finished_run(home)
    report = run.report()
    assert report is not None
    assert run.status().state == "finished"
    assert set(report["metrics"]) >= {"NDCG@10", "HR@3"}
    vocabulary = run.read_frame("vocabulary")
    assert vocabulary["kind"].value_counts().to_dict() == {"item": 40, "user": 30}
    assert isinstance(run.read_frame("per_user"), pd.DataFrame)
    assert run.environment()["device"] == "cpu"
    assert litter(home) == []


def test_a_reader_does_not_need_to_own_the_lock_file(run: Run) -> None:
    assert not (run.path / ".lock").exists()
    assert not run.locked()
    assert not (run.path / ".lock").exists(), "reading leaves nothing behind"
    with FileLock(run.path / ".lock"):
        assert run.locked()
