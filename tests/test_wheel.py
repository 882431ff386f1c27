"""The wheel, alone in a clean environment: it holds the core and the embedded data, and works without any screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA_FILES = {"README.md", "dataset.json", "interactions.parquet", "items.parquet"}

pytestmark = pytest.mark.full

# Loaded at the clean environment's start: the third-party packages of this one without its .pth files (which would
# bring the clone in), and a finder that makes the packages of app and notebooks as good as not installed.
AT_START = """
import sys

SCREENS = {"IPython", "ipykernel", "jupyter_core", "kaleido", "nbclient", "nbformat", "plotly", "streamlit"}


class NoScreens:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in SCREENS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, NoScreens)
sys.path += THIRD_PARTY
"""


def run(command: list[str | Path], cwd: Path) -> str:
    """What a command prints on stdout; its stderr is shown when it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in an environment of its own that holds the wheel and, by path, the third-party packages of this one."""
    folder = tmp_path_factory.mktemp("clean") / "an environment"
    venv.create(folder, symlinks=True)
    inside = {"base": str(folder), "platbase": str(folder)}
    site_packages = Path(sysconfig.get_path("purelib", "venv", vars=inside))
    third_party = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (site_packages / "at_start.py").write_text(AT_START.replace("THIRD_PARTY", repr(third_party)), encoding="utf-8")
    (site_packages / "at_start.pth").write_text("import at_start\n", encoding="utf-8")
    interpreter = Path(sysconfig.get_path("scripts", "venv", vars=inside)) / "python"
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", interpreter, "--quiet"]
    run([*pip, "install", "--no-deps", "--no-index", wheel], folder)
    return interpreter


def test_it_holds_the_core_and_the_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"convncf"}
    data = "convncf/_datasets/movielens-small/"
    assert {name.removeprefix(data) for name in names if name.startswith(data)} == DATA_FILES
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "convncf").rglob("*.py")}
    assert sources <= set(names)


def test_the_package_is_the_installed_one_and_brings_its_data(python: Path, tmp_path: Path) -> None:
    code = """
import json
from pathlib import Path
import convncf
from convncf.data import catalogue

dataset = catalogue.load("movielens-small", Path("home"))
held = dataset.interactions
print(json.dumps([convncf.__file__, held.n_users, held.n_items, len(held)]))
"""
    where, *counts = json.loads(run([python, "-c", code], tmp_path))
    assert Path(where).is_relative_to(python.parents[1])
    assert counts == [671, 9066, 100_004]


@pytest.mark.parametrize("screen", ["streamlit", "plotly"])
def test_the_clean_environment_has_no_screen(python: Path, tmp_path: Path, screen: str) -> None:
    code = f"try:\n    import {screen}\nexcept ModuleNotFoundError:\n    print('absent')"
    assert run([python, "-c", code], tmp_path).strip() == "absent"


def test_it_trains_and_recommends_without_a_screen(python: Path, tmp_path: Path) -> None:
    convncf = python.parent / "convncf"
    settings = ["--set", "train.epochs=1", "--set", "eval.validation_users=50"]
    trained = json.loads(run([convncf, "train", "--model", "mf-bpr", "--name", "first", *settings, "--json"], tmp_path))
    assert trained["run"] == "first"
    assert 0 < trained["metrics"]["NDCG@10"] < 1
    listed = json.loads(run([convncf, "recommend", "first", "--user", "15", "-k", "3", "--json"], tmp_path))
    assert [item["rank"] for item in listed["items"]] == [1, 2, 3]
