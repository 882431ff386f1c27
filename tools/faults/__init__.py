"""Small faults that the tests must catch: each is put into a copy of the tree, one at a time.

    python -m tools.faults                           (list them)
    python -m tools.faults run [NAME …] [--whole]    (put each in, and say which test catches it)

A suite is as good as what it notices. When tests are made quicker, moved or joined, the faults that were caught before
must be caught after. `outcomes.jsonl` holds which test caught each when it was taken in.
"""

from tools.faults.fault import Fault
from tools.faults.foundations import FOUNDATIONS
from tools.faults.surfaces import SURFACES

__all__ = ["FAULTS", "Fault"]

FAULTS: tuple[Fault, ...] = (*FOUNDATIONS, *SURFACES)
"""All of them, from the lowest room of the house to the highest."""
