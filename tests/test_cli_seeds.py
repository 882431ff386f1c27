"""convncf train --seeds and convncf seeds, through the command line."""

from __future__ import annotations

import pytest

from tests.command_line import CommandLine

TRAIN = ("train", "--dataset", "shop", "--model", "popularity", "--name", "pop")


@pytest.fixture(autouse=True)
def stocked(convncf: CommandLine) -> None:
    """The shop is in this test's home: runs of one name are another group in each."""
    convncf.add_shop()


@pytest.mark.slow
def test_a_command_trains_every_seed_and_sums_them_up(convncf: CommandLine) -> None:
    found = convncf(*TRAIN, "--seeds", "1,2,3", "--json").object
    assert (found["name"], found["runs"], found["seeds"]) == ("pop", ["pop-seed1", "pop-seed2", "pop-seed3"], [1, 2, 3])
    values = [convncf("evaluate", run, "--json").object["metrics"]["HR@10"] for run in found["runs"]]
    assert found["metrics"]["HR@10"]["mean"] == pytest.approx(sum(values) / 3)
    assert found["metrics"]["HR@10"]["n"] == 3

    again = convncf(*TRAIN, "--seeds", "1-4", "--json")
    assert "pop-seed1: finished already" in again.err
    assert again.object["seeds"] == [1, 2, 3, 4]

    for asked in ("pop-seed2", "pop"):  # a run of the group, and the name that train was given
        assert convncf("seeds", asked, "--json").object == again.object
    assert [one["name"] for one in convncf("seeds", "--json").object["groups"]] == ["pop"]


def test_a_name_that_other_settings_have_is_refused_before_any_work(convncf: CommandLine) -> None:
    convncf(*TRAIN, "--seeds", "2")
    refused = convncf.refused(*TRAIN, "--seeds", "1,2", "--set", "eval.ks=[3]")
    assert "'pop-seed2' exists already" in refused


def test_drawn_candidate_sets_of_several_seeds_are_one_sample(convncf: CommandLine) -> None:
    sets = ("--set", "eval.protocol=candidates", "--set", "eval.negatives=5")
    found = convncf(*TRAIN, *sets, "--seeds", "1,2").err
    assert "Not samples" not in found
    assert "(split and training)" in found


def test_another_run_of_a_seed_is_named_and_not_counted(convncf: CommandLine) -> None:
    convncf(*TRAIN, "--seeds", "1,2")
    convncf("train", "--dataset", "shop", "--model", "popularity", "--seed", "2", "--name", "again")
    said = convncf("seeds", "again")
    assert "seeds 1, 2" in said.out
    assert "runs: pop-seed1, again" in said.err
    assert "pop-seed2 is an" in said.err
    assert convncf("seeds", "pop", "--json").object["runs"] == ["pop-seed1", "pop-seed2"]
    broken = convncf.home / "runs" / "pop-seed1" / "config.json"
    broken.write_text("{", encoding="utf-8")
    said = convncf("seeds", "pop")
    assert "runs show pop-seed1" in said.err
    assert convncf("seeds", "--json").object == {"groups": [], "broken": ["pop-seed1"]}


def test_seed_and_seeds_together_are_refused(convncf: CommandLine) -> None:
    refused = convncf.refused(*TRAIN, "--seeds", "1,2", "--seed", "3")
    assert "--seeds 1,2" in refused
