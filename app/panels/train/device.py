"""Where training will run: the machine's GPUs by name, asked of the driver, so that no CUDA context is made here."""

from __future__ import annotations

import os

import streamlit as st

from app import state
from app.wording import number, plain
from convncf import jobs, runtime
from convncf.runtime import Gpu


@st.cache_data(ttl=10, max_entries=1, show_spinner=False)
def _gpus() -> tuple[Gpu, ...]:
    return runtime.gpus()


def choices() -> dict[str, str]:
    """train.device -> its words; only "auto" where there is no GPU."""
    found: dict[int | None, Gpu] = {gpu.index: gpu for gpu in _gpus()}
    if not found:
        return {"auto": _cpu()}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = len(found) if visible is None else len([part for part in visible.split(",") if part.strip()])
    # torch counts only the GPUs that are visible to it; the driver counts all
    by_ordinal = {ordinal: found.get(runtime.physical_index(ordinal)) for ordinal in range(count)}
    named = {f"cuda:{ordinal}": _gpu(ordinal, gpu) for ordinal, gpu in by_ordinal.items() if gpu is not None}
    return {"auto": "automatic: a GPU that works, else the CPU", **named, "cpu": _cpu()}


def pick() -> str:
    """A picker of devices, or a plain word where there is no choice; returns the setting train.device."""
    offered = choices()
    if len(offered) == 1:
        st.caption(f"No GPU here: training uses the {plain(_cpu())}.")
        return "auto"
    chosen = st.selectbox(
        "Device",
        list(offered),
        format_func=lambda device: offered[device],
        key="new:device",
        help="One job at a time runs on each device; others wait for their turn.",
        persist_state="session",
    )
    return chosen or "auto"


def _gpu(ordinal: int, gpu: Gpu) -> str:
    free, total = number(gpu.memory_free_mib / 1024), number(gpu.memory_total_mib / 1024)
    users = jobs.ahead(state.store(), f"cuda:{ordinal}")
    held = f", in use by {users[0]}" if users else ""
    return f"GPU {gpu.index}: {gpu.name}, {free} of {total} GiB free, {gpu.utilisation}% busy{held}"


def _cpu() -> str:
    count = runtime.cpu_count()
    return f"CPU ({runtime.cpu_name()}, {count} core{'s' if count > 1 else ''})"
