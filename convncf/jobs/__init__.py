"""Jobs: training in a process of its own, queued by device, that outlives the terminal, the page and the server."""

from convncf.jobs.demo_runs import DEMO_RUNS, demo
from convncf.jobs.launching import checked, kill, launch, located, prepare, start_worker, stop
from convncf.jobs.refitting import refit
from convncf.jobs.worker import work

__all__ = [
    "DEMO_RUNS",
    "checked",
    "demo",
    "kill",
    "launch",
    "located",
    "prepare",
    "refit",
    "start_worker",
    "stop",
    "work",
]
