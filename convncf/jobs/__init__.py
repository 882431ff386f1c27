"""Jobs: training in a process of its own, queued by device, that outlives the terminal, the page and the server."""

from convncf.jobs.demo_runs import DEMO_RUNS, demo
from convncf.jobs.launching import (
    checked,
    extend,
    kill,
    launch,
    launch_seeds,
    located,
    parse_seeds,
    prepare,
    refit,
    runs_of_seeds,
    start_worker,
    stop,
)
from convncf.jobs.queue import ahead, queue_position
from convncf.jobs.worker import work

__all__ = [
    "DEMO_RUNS",
    "ahead",
    "checked",
    "demo",
    "extend",
    "kill",
    "launch",
    "launch_seeds",
    "located",
    "parse_seeds",
    "prepare",
    "queue_position",
    "refit",
    "runs_of_seeds",
    "start_worker",
    "stop",
    "work",
]
