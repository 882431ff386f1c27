"""The store of runs: odd names, two of one name in the same moment, finding and deleting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import example, given
from hypothesis import strategies as st

from convncf.errors import ConvNCFError, RunBusyError, RunExistsError, RunNameError, RunNotFoundError
from convncf.runs import Run, RunStore, Status, slug
from tests.concurrency import together
from tests.worlds import created, finished_run, litter, tiny

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
        created(store, name)
    assert store.names() == ()
    proposed = str(caught.value).split(": ")[-1].removesuffix(" would do.").strip("'")
    made = created(store, proposed)
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
    created(store, name)
    for _ in range(3):
        with pytest.raises(RunExistsError) as caught:
            created(store, name)
        proposed = str(caught.value).split("'")[-2]
        assert created(store, proposed).name == proposed


def test_names_that_differ_in_case_alone_are_one_name(store: RunStore, run: Run) -> None:
    with pytest.raises(RunExistsError, match="'FIRST-2' is free"):
        created(store, "FIRST")


def test_a_run_that_is_not_there_is_named_with_those_that_are_like_it(store: RunStore, run: Run) -> None:
    with pytest.raises(RunNotFoundError, match=r"'frist' .* first\?"):
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
    first = created(store, "first", "page-1")
    assert created(store, "second", "page-1").path == first.path
    assert created(store, "second", "page-2").path != first.path
    assert created(store, "third").name == "third", "no request id matches no request id"
    assert created(store, "fourth").name == "fourth"


def test_a_creation_that_fails_leaves_nothing(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        created(store, "first")
    assert store.names() == ()
    assert [name for name in os.listdir(store.folder) if name != ".create.lock"] == []


@pytest.mark.slow
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
    together(lambda number: made.extend(created(store, f"run-{number}-{n}") for n in range(8)), 4)
    assert len(store.names()) == len({run.path for run in made}) == 32


def test_one_request_from_many_threads_is_one_run(store: RunStore) -> None:
    made: list[Run] = []
    together(lambda number: made.append(created(store, f"run-{number}", "the-same")), 6)
    assert len({run.path for run in made}) == 1
    assert len(store.names()) == 1


def test_processes_that_create_one_name_together_share_no_folder(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from convncf.runs import RunStore\n"
        "from convncf.models.settings import resolve; from convncf.errors import RunExistsError\n"
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


@pytest.mark.parametrize("end", ["delete", "rename"])
def test_a_worker_that_has_written_its_last_status_is_waited_for(store: RunStore, run: Run, end: str) -> None:
    run.write_status(Status(state="stopped", message="stopped and saved"))
    lock = run.hold()
    Timer(0.2, lock.release).start()
    if end == "delete":
        store.delete("first")
    else:
        store.rename("first", "second")
    assert store.names() == (() if end == "delete" else ("second",))


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
