"""Devices: what is there, without a CUDA context, and never another than the one that was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from convncf import jobs
from convncf.errors import DeviceError
from convncf.runtime import devices, environment, files, threads
from tests.worlds import make_run


def fake_nvidia_smi(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, *, uuids: str = "", code: int = 0
) -> None:
    """A script of that name, first on PATH, that answers the two queries of `convncf.runtime.devices` alone."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "answer.txt").write_text(answer, encoding="utf-8")
    (tools / "uuids.txt").write_text(uuids, encoding="utf-8")
    script = tools / "nvidia-smi"
    asked = "--query-gpu=index,name,memory.total,memory.free,utilization.gpu"
    script.write_text(
        f'#!/bin/sh\ncase "$1" in\n{asked}) cat "{tools}/answer.txt";;\n'
        f'--query-gpu=index,uuid) cat "{tools}/uuids.txt";;\n*) exit 9;;\nesac\nexit {code}\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")


TWO = "0, NVIDIA A100-SXM4-80GB, 81920, 80000, 3\n1, NVIDIA RTX 6000, Ada, 49140, 12, 100\n"
SIX = "".join(f"{n}, NVIDIA A100-SXM4-80GB, 81920, 80000, 3\n" for n in range(6))
UUIDS = "0, GPU-8a3f1c00-aaaa\n1, GPU-8a3fffff-bbbb\n2, GPU-11112222-cccc\n"


def test_gpus_come_by_name_from_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, TWO)
    first, second = devices.gpus()
    assert first == devices.Gpu(0, "NVIDIA A100-SXM4-80GB", 81920, 80000, 3)
    assert second == devices.Gpu(1, "NVIDIA RTX 6000, Ada", 49140, 12, 100)


def test_what_the_driver_does_not_know_is_nought_and_noise_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, "Warning, x, y, z, w\n\n4, Tesla K80, 11441, 11441, [N/A]\n")
    assert devices.gpus() == (devices.Gpu(4, "Tesla K80", 11441, 11441, 0),)


def test_no_driver_or_a_broken_one_means_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, "NVIDIA-SMI has failed", code=9)
    assert devices.gpus() == ()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.gpus() == ()


def test_asking_for_gpus_loads_no_torch() -> None:
    code = "import sys; from convncf.runtime import devices; devices.gpus(); devices.planned_device('auto')\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("visible", "ordinal", "physical"),
    [
        (None, 1, 1),
        ("3,5", 0, 3),
        ("3,5", 1, 5),
        ("3, 5", 1, 5),
        ("GPU-11112222-cccc,GPU-8a3f1c00-aaaa", 0, 2),
        ("GPU-11112222-cccc,GPU-8a3f1c00-aaaa", 1, 0),
        ("gpu-8A3FFF", 0, 1),  # CUDA takes as much of it as is unique
        ("1,GPU-11112222-cccc", 1, 2),
        # what cannot be told is not guessed
        ("GPU-8a3f", 0, None),
        ("GPU-99999999-dddd", 0, None),
        ("MIG-11112222-cccc", 0, None),
        ("2", 1, None),
        ("3,-1,5", 1, None),
        ("", 0, None),
        ("none", 0, None),
    ],
)
def test_the_physical_gpu_is_what_the_environment_made_visible(
    visible: str | None, ordinal: int, physical: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, SIX, uuids=UUIDS)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices.physical_index(ordinal) == physical


@pytest.mark.parametrize("uuid", ["", "GPU-", "8a3f", "zzz"])
def test_a_uuid_that_is_none_or_several_has_no_index(
    uuid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, SIX, uuids=UUIDS)
    assert devices.index_of(uuid) is None
    assert devices.index_of("8a3f1c00-aaaa") == 0, "as torch writes it"


@pytest.fixture
def cuda_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the installed torch could use a GPU."""
    monkeypatch.setattr("convncf.runtime.devices.metadata.version", lambda package: "2.13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("cuda_build")
def test_the_device_planned_for_is_known_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, "", code=9)
    assert (devices.planned_device("cpu"), devices.planned_device("auto")) == ("cpu", "cpu")
    fake_nvidia_smi(tmp_path, monkeypatch, TWO)
    assert devices.planned_device("auto") == "cuda-0"
    fake_nvidia_smi(tmp_path, monkeypatch, SIX, uuids=UUIDS)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert devices.planned_device("cpu") == "cpu"
    assert devices.planned_device("auto") == "cuda-3"
    assert devices.planned_device("cuda:1") == "cuda-5"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-11112222-cccc,MIG-77/1")
    assert devices.planned_device("auto") == "cuda-2", "the same lock as by its number"
    assert devices.planned_device("cuda:1") == "cuda-MIG-77-1"


@pytest.mark.usefixtures("cuda_build")
@pytest.mark.parametrize("hidden", ["", "-1", "none", "-1,0"])
def test_with_every_gpu_hidden_auto_is_planned_for_the_cpu(
    hidden: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert devices.planned_device("auto") == "cpu"
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="CUDA_VISIBLE_DEVICES"):
        devices.refuse_absent("cuda")


def test_a_cpu_build_beside_a_gpu_is_planned_for_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, TWO)
    monkeypatch.setattr("convncf.runtime.devices.metadata.version", lambda package: "2.13.0+cpu")
    assert devices.planned_device("auto") == "cpu"


@pytest.mark.usefixtures("cuda_build")
def test_a_gpu_beyond_the_last_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, TWO)
    for there in ("auto", "cpu", "cuda", "cuda:1"):
        devices.refuse_absent(there)
    with pytest.raises(DeviceError, match=r"'cuda:2' .*: 2 .*, cuda:0 to cuda:1"):
        devices.refuse_absent("cuda:2")
    for visible in ("1", "1,7,0"):  # there is no GPU 7, and CUDA stops there
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        with pytest.raises(DeviceError, match=r"'cuda:1' .*: 1 GPU"):
            devices.refuse_absent("cuda:1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b,MIG-c")
    devices.refuse_absent("cuda:2")


def test_the_cpu_is_taken_when_asked_for_and_named() -> None:
    device = devices.resolve_device("cpu")
    assert (device.spec, device.physical_index, device.uuid) == ("cpu", None, None)
    assert device.name
    assert device.name in device.words


def test_auto_on_a_machine_without_gpu_says_that_it_took_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.resolve_device("auto").words.startswith("CPU: ")


@pytest.mark.parametrize(
    ("build", "answer", "reason"),
    [
        (None, TWO, "is a CPU build"),
        ("12.8", "", "no NVIDIA driver answers"),
        ("12.8", TWO, "usable CUDA driver"),
    ],
)
def test_a_gpu_that_is_absent_is_an_error_with_its_reason(
    build: str | None, answer: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, answer)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", build)
    for asked in ("cuda", "cuda:1"):
        with pytest.raises(DeviceError, match=f"'{asked}' .*{reason}.*auto"):
            devices.resolve_device(asked)


def give_torch_gpus(monkeypatch: pytest.MonkeyPatch, *uuids: str | None) -> None:
    """As if torch had one GPU for each UUID; None where this torch does not tell it."""
    properties = [SimpleNamespace() if uuid is None else SimpleNamespace(uuid=uuid) for uuid in uuids]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(uuids))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda ordinal: f"GPU number {ordinal}")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda ordinal: properties[ordinal])


def test_a_gpu_is_recorded_by_name_and_physical_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, SIX)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    give_torch_gpus(monkeypatch, None, None)
    device = devices.resolve_device("cuda:1")
    assert (device.spec, device.physical_index, device.uuid) == ("cuda:1", 5, None)
    assert device.words == "GPU 5: GPU number 1"
    stamp = environment.stamp(device)
    assert (stamp["device"], stamp["device_name"], stamp["device_physical_index"]) == ("cuda:1", "GPU number 1", 5)
    assert devices.resolve_device("cuda").spec == "cuda:0"
    with pytest.raises(DeviceError, match=r"'cuda:2' .*: .* 2 .*, cuda:0 to cuda:1"):
        devices.resolve_device("cuda:2")


def test_the_uuid_of_the_gpu_that_was_taken_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, SIX, uuids=UUIDS)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    # CUDA counts the fastest first: its GPU 0 is the driver's GPU 2
    give_torch_gpus(monkeypatch, "11112222-cccc", "99999999-eeee")
    device = devices.resolve_device("cuda")
    assert (device.physical_index, device.uuid) == (2, "11112222-cccc")
    assert device.words == "GPU 2: GPU number 0"
    unknown = devices.resolve_device("cuda:1")
    assert unknown.physical_index is None, "no number rather than a wrong one"
    stamp = environment.stamp(unknown)
    assert (stamp["device_physical_index"], stamp["device_uuid"]) == (None, "99999999-eeee")
    assert unknown.words == "GPU 99999999-eeee: GPU number 1"


def test_nothing_of_a_run_on_the_cpu_makes_a_cuda_context(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("CUDA was touched")

    monkeypatch.setattr(torch.cuda, "_lazy_init", touched)
    monkeypatch.setattr(torch.cuda, "is_available", touched)
    run = make_run(home, train__device="cpu", train__epochs=1, pretrain__epochs=1)
    jobs.work(run)
    stamp = run.environment()
    assert (stamp["device"], stamp["device_physical_index"], stamp["device_uuid"]) == ("cpu", None, None)
    assert stamp["device_name"]
    assert not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("asked", ["gpu", "cuda:", "cuda:x", "auto:1", ""])
def test_a_device_of_no_known_kind_is_refused(asked: str) -> None:
    with pytest.raises(DeviceError, match="is unknown"):
        devices.resolve_device(asked)


def test_the_environment_stamp_is_strict_json_and_names_the_versions() -> None:
    stamp = json.loads(files.strict_json(environment.stamp(devices.resolve_device("cpu"))))
    assert stamp["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert stamp["cpu_count"] >= 1
    assert stamp["device"] == "cpu"


def test_idle_threads_are_told_to_sleep_unless_the_user_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    threads.share_processors()
    assert int(os.environ["GOMP_SPINCOUNT"]) > 0
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    threads.share_processors()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    threads.share_processors()
    assert "GOMP_SPINCOUNT" not in os.environ
