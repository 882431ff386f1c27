"""Layer plans: which kernels and strides fit an embedding size, and plans to propose where they do not.

A layer of kernel k and stride s turns a map of side n into one of side (n - k) / s + 1. Where that is not whole,
a convolution would silently drop the last rows and columns, so such a plan is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from convncf.errors import LayerPlanError


def layer_sizes(embedding_size: int, kernels: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Side of each feature map, first layer to last: (64, [4, 4, 2, 2], [4, 4, 2, 2]) -> (16, 4, 2, 1).

    Raises LayerPlanError when the lists differ in length or a layer would drop rows of its input.
    """
    if not kernels:
        raise LayerPlanError("kernels [] hold no layer: give at least one, such as [4, 4, 2, 2].")
    if len(kernels) != len(strides):
        raise LayerPlanError(
            f"kernels {list(kernels)} and strides {list(strides)} differ in length: "
            f"{len(kernels)} and {len(strides)}. Give one stride a layer; equal to the kernel is usual."
        )
    sizes: list[int] = []
    side = embedding_size
    steps: list[str] = []
    for kernel, stride in zip(kernels, strides, strict=True):
        if kernel < 1 or stride < 1:
            raise LayerPlanError(f"kernel {kernel} with stride {stride}: both must be 1 or more.")
        fits = side >= kernel and (side - kernel) % stride == 0
        if not fits:
            steps_text = ", ".join(steps) + (", and " if steps else "")
            problem = f"{side} is not a multiple of {kernel}" if kernel == stride else _overhang(side, kernel, stride)
            raise LayerPlanError(
                f"kernels {list(kernels)} with strides {list(strides)} do not fit embedding size {embedding_size}: "
                f"{steps_text}{problem}.\n{proposal(embedding_size, kernels)}"
            )
        next_side = (side - kernel) // stride + 1
        steps.append(
            f"{side} / {kernel} = {next_side}"
            if kernel == stride
            else f"({side} - {kernel}) / {stride} + 1 = {next_side}"
        )
        sizes.append(next_side)
        side = next_side
    return tuple(sizes)


def _overhang(side: int, kernel: int, stride: int) -> str:
    if side < kernel:
        return f"a kernel of {kernel} is larger than a map of {side}"
    return f"({side} - {kernel}) is not a multiple of the stride {stride}"


@cache
def plans_to_one(size: int, largest: int = 16) -> tuple[tuple[int, ...], ...]:
    """Every plan with kernel = stride that ends at 1×1: ordered factorisations of the size, kernels 2 to `largest`."""
    if size == 1:
        return ((),)
    return tuple(
        (kernel, *rest)
        for kernel in range(2, min(size, largest) + 1)
        if size % kernel == 0
        for rest in plans_to_one(size // kernel, largest)
    )


def nearest_plans(size: int, kernels: Sequence[int], n: int = 4) -> list[list[int]]:
    """The plans ending at 1×1 that differ least from `kernels`: in length first, then layer by layer."""

    def distance(plan: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
        difference = sum(abs(a - b) for a, b in zip(plan, kernels, strict=False))
        return abs(len(plan) - len(kernels)), difference, plan

    return [list(plan) for plan in sorted(plans_to_one(size), key=distance)[:n]]


def proposal(size: int, kernels: Sequence[int]) -> str:
    """A sentence for an error message: the plans nearest to `kernels`, or another size where none fits this one."""
    fitting = nearest_plans(size, kernels)
    if fitting:
        return f"Plans that end at 1×1 for size {size}: {', '.join(map(str, fitting))}."
    return f"No plan with kernels of 2 to 16 ends at 1×1 for size {size}: use an embedding size such as 16, 32 or 64."


def refuse_unless_dot_product_fits(
    size: int, channels: Sequence[int], kernels: Sequence[int], strides: Sequence[int]
) -> None:
    """Raise LayerPlanError where a plan cannot compute the dot product (the sum of the map's diagonal): it needs
    kernel = stride, an end at 1×1, and two channels in each layer, one for the positive and one for the negative part.
    """
    sizes = layer_sizes(size, kernels, strides)
    if list(kernels) != list(strides) or sizes[-1] != 1:
        raise LayerPlanError(
            f"initialisation=dot product needs kernel = stride and a plan that ends at 1×1; kernels {list(kernels)} "
            f"with strides {list(strides)} end at {sizes[-1]}×{sizes[-1]}. {proposal(size, kernels)}"
        )
    if min(channels[1:]) < 2:
        raise LayerPlanError(f"initialisation=dot product needs 2 channels or more a layer, got {list(channels[1:])}.")
