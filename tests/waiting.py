"""See the operations for which a GPU would have to finish its work, on a CPU, where the same operations run."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique", "bincount")
"""Their answer, or its shape, is a Python value made from numbers on the device."""


class Waits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes, while it is entered, each waiting operation by name; a copy to the CPU cannot be told from any other."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func.overloadpacket).removeprefix("aten.")
        if name in WAITING or (name == "index" and any(i is not None and i.dtype.itemsize == 1 for i in args[1])):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))
