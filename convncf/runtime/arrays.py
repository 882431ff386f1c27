"""Arrays that nobody can change."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy.typing as npt

A = TypeVar("A", bound=npt.NDArray[Any])


def read_only(array: A) -> A:
    """The array itself, which cannot be written to any more.

    Example:
        >>> import numpy as np
        >>> read_only(np.zeros(2)).flags.writeable
        False
    """
    array.setflags(write=False)
    return array
