"""Labels and names of runs: what a person says of a run stays whole, whatever happens to the run or to the file."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from convncf.errors import RunBusyError, RunError, RunExistsError, RunNameError, RunNotFoundError
from convncf.runs import Labels, Run, RunStore, Status
from convncf.workflow.running import run_experiment
from tests.concurrency import together
from tests.worlds import make_run, tiny


def create(store: RunStore, name: str, source: str = "", state: str = "stopped") -> Run:
    """A run whose embeddings are of `source`; nobody works on it."""
    resolved = tiny()
    if source:
        resolved = tiny(model__pre_model_path=source, model__train_method="after_pretrain", pretrain__epochs=0)
    run = store.create(name, resolved, fingerprint="sha256:0", request_id="")
    run.write_status(Status(state=state, message="by hand"))
    return run


@pytest.fixture
def run(store: RunStore) -> Run:
    return create(store, "first")


# ---------------------------------------------------------------- labels


def test_a_run_has_no_labels_until_someone_gives_it_some(run: Run) -> None:
    assert run.labels() == Labels()
    assert not (run.path / "labels.json").exists()
    given = run.label(lambda labels: labels.with_tags(add=["baseline", " for  the paper "]).with_note("seen\n"))
    assert given == Labels(("baseline", "for the paper"), "seen")
    assert Run(run.path).labels() == given
    assert json.loads((run.path / "labels.json").read_text()) == {
        "tags": ["baseline", "for the paper"],
        "note": "seen",
        "archived": False,
    }


def test_a_tag_is_there_once_whatever_its_case(run: Run) -> None:
    run.label(lambda labels: labels.with_tags(add=["Paper", "paper", "b"]))
    assert run.labels().tags == ("Paper", "b")
    assert run.label(lambda labels: labels.with_tags(remove=["PAPER"])).tags == ("b",)


@pytest.mark.parametrize("tag", ["", "  ", "a,b", "x" * 41])
def test_a_tag_that_cannot_be_is_refused_and_changes_nothing(run: Run, tag: str) -> None:
    run.label(lambda labels: labels.with_tags(add=["kept"]))
    with pytest.raises(RunError, match="1 to 40"):
        run.label(lambda labels: labels.with_tags(add=[tag]))
    assert run.labels().tags == ("kept",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{ no", "damaged"),
        ("[]", "not an object"),
        ('{"tags": "a"}', "tags is 'a'"),
        ('{"note": 1}', "note is '1'"),
        ('{"archived": "yes"}', "archived is 'yes'"),
    ],
)
def test_a_damaged_file_is_said_and_setting_labels_anew_replaces_it(run: Run, content: str, said: str) -> None:
    path = run.path / "labels.json"
    path.write_text(content)
    found = run.labels()
    assert said in found.problem
    assert str(path) in found.problem
    assert found == Labels(problem=found.problem)
    assert run.broken() == "", "the run itself is whole"
    assert run.label(lambda labels: labels.with_note("anew")) == Labels(note="anew")
    assert run.labels() == Labels(note="anew")


def test_two_who_tag_in_the_same_moment_are_both_heard(run: Run) -> None:
    tags = [f"t{n}" for n in range(8)]
    together(lambda n: run.label(lambda labels: labels.with_tags(add=[tags[n]])), len(tags))
    assert sorted(run.labels().tags) == tags


def test_a_full_disk_leaves_the_labels_as_they_were(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.label(lambda labels: labels.with_note("before"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.label(lambda labels: labels.with_note("after"))
    assert run.labels() == Labels(note="before")
    assert [path.name for path in run.path.glob("*labels*")] == ["labels.json"]


def test_a_run_that_is_deleted_meanwhile_is_said_to_be_gone(store: RunStore, run: Run) -> None:
    store.delete("first")
    with pytest.raises(RunNotFoundError, match="'first'"):
        run.label(lambda labels: labels.with_note("too late"))
    assert store.names() == ()


def test_a_resume_leaves_the_labels_and_the_labels_leave_the_figures(home: Path) -> None:
    run = make_run(home, model="popularity")
    run_experiment(run)
    before = run.report()
    run.label(lambda labels: replace(labels.with_tags(add=["kept"]), archived=True))
    (run.path / "report.json").unlink()
    run_experiment(run)
    assert run.labels() == Labels(("kept",), "", archived=True)
    after = run.report()
    assert before is not None
    assert after is not None
    assert after["metrics"] == before["metrics"]


# ---------------------------------------------------------------- names


def test_a_renamed_run_is_the_same_run(store: RunStore, run: Run) -> None:
    run.label(lambda labels: labels.with_note("mine"))
    run.write_report({"run": "first", "metrics": {}, "best_epoch": 1, "n_users_evaluated": 0, "seconds": 1.0})
    created, config = run.created, run.config()
    done = store.rename("first", "second")
    assert (done.run.name, done.followed, done.unread, done.words) == ("second", (), (), "")
    assert store.names() == ("second",)
    renamed = store.open("second")
    assert (renamed.created, renamed.config(), renamed.labels().note) == (created, config, "mine")
    assert json.loads((renamed.path / "config.json").read_text())["name"] == "second"
    assert (renamed.report() or {})["run"] == "second"
    assert [(row["event"], *row["words"].split()[1::2]) for row in renamed.history()] == [
        ("renamed", "first", "second")
    ]
    assert not renamed.locked()


def test_runs_that_began_from_it_follow_by_name_and_by_folder(store: RunStore, run: Run) -> None:
    by_name = create(store, "by-name", "first")
    by_folder = create(store, "by-folder", str(run.path))
    other = create(store, "other", "elsewhere")
    untouched = (other.path / "config.json").read_bytes()
    assert store.begun_from("first") == ("by-folder", "by-name")
    done = store.rename("first", "mf")
    assert sorted(done.followed) == ["by-folder", "by-name"]
    assert "by-name" in done.words
    for each in (by_name, by_folder):
        assert Run(each.path).config().model["pre_model_path"] == "mf"
        assert not each.locked()
    assert (other.path / "config.json").read_bytes() == untouched
    assert store.begun_from("mf") == ("by-folder", "by-name")


def test_a_run_that_cannot_be_read_does_not_stop_a_renaming(store: RunStore, run: Run) -> None:
    (create(store, "damaged").path / "config.json").write_text("{ no")
    done = store.rename("first", "second")
    assert done.unread == ("damaged",)
    assert "Whether damaged" in done.words
    assert store.rename("damaged", "old").run.name == "old", "a damaged run can be renamed too"


def test_a_name_that_cannot_be_or_is_taken_is_refused(store: RunStore, run: Run) -> None:
    create(store, "Taken")
    with pytest.raises(RunNameError, match="'a-b' would do"):
        store.rename("first", "a/b")
    with pytest.raises(RunExistsError, match="'taken-2' is free"):
        store.rename("first", "taken")
    with pytest.raises(RunNotFoundError):
        store.rename("absent", "x")
    assert store.names() == ("Taken", "first")
    assert store.rename("first", "first").run.name == "first"
    assert store.rename("first", "FIRST").run.name == "FIRST", "another case of its own name is free"


def test_a_run_at_work_and_one_that_waits_for_it_are_not_renamed(store: RunStore, run: Run) -> None:
    with run.hold(), pytest.raises(RunBusyError, match="'first'"):
        store.rename("first", "second")
    waiting = create(store, "waiting", "first")
    waiting.write_status(Status(state="queued", launched=True, updated=9e9))
    with pytest.raises(RunBusyError, match=r"'waiting' .* first"):
        store.rename("first", "second")
    assert set(store.names()) == {"first", "waiting"}
    assert Run(waiting.path).config().model["pre_model_path"] == "first"
    assert not run.locked()


def test_a_disk_that_takes_the_name_alone_says_which_runs_still_have_the_old_one(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(store, "follower", "first")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"follower .* 'first'"):
            store.rename("first", "second")
    assert set(store.names()) == {"second", "follower"}
    with pytest.raises(RunNotFoundError):
        store.open("first")


def test_two_who_rename_to_one_name_get_one_run_each(store: RunStore) -> None:
    for n in range(4):
        create(store, f"r{n}")
    refused = []

    def rename(n: int) -> None:
        try:
            store.rename(f"r{n}", "wanted")
        except RunExistsError as error:
            refused.append(error)

    together(rename, 4)
    assert len(refused) == 3
    assert len(store.names()) == 4
    assert "wanted" in store.names()


def test_a_link_to_a_folder_elsewhere_is_renamed_and_deleted_alone(store: RunStore, run: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.move(run.path, elsewhere)
    run.path.symlink_to(elsewhere, target_is_directory=True)
    store.rename("first", "linked")
    store.delete("linked")
    assert store.names() == ()
    assert (elsewhere / "config.json").exists()
