"""A small language for loops over vectors of float32, compiled for this machine's processor by LLVM (through llvmlite).

It knows what the loops of this folder need and no more. A vector has 16 numbers whatever the processor: LLVM splits
it where registers are shorter. Memory is addressed by a pointer and a number of elements.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import llvmlite.binding as llvm
import torch
from llvmlite import ir

LANES: Final = 16

_F32, _I64, _I32, _I16 = ir.FloatType(), ir.IntType(64), ir.IntType(32), ir.IntType(16)
_VECTOR = ir.VectorType(_F32, LANES)
_WORDS, _HALVES = ir.VectorType(_I32, LANES), ir.VectorType(_I16, LANES)


class Named(ir.Type):  # type: ignore[misc]
    """A type of LLVM that llvmlite has no class for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _to_string(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


_BFLOATS = ir.VectorType(Named("bfloat"), LANES)


_compiling = threading.Lock()


class Function:
    """A function of pointers and counts, written by calling these methods in order, then compiled."""

    def __init__(self, arguments: str) -> None:
        """`arguments` names them, separated by blanks; a name that begins with n_ is a count, any other a pointer."""
        names = arguments.split()
        self.module = ir.Module()
        kinds = [_I64 if name.startswith("n_") else _F32.as_pointer() for name in names]
        self._function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), "kernel")
        for argument, kind in zip(self._function.args, kinds, strict=True):
            if kind is not _I64:
                argument.add_attribute("noalias")
        self.entry = self._function.append_basic_block("entry")
        self.builder = ir.IRBuilder(self._function.append_basic_block("body"))
        self.arguments: list[Any] = list(self._function.args)

    # ------------------------------------------------------------ counts and memory

    def index(self, value: Any) -> Any:
        """A count, from a Python int or a count."""
        return ir.Constant(_I64, value) if isinstance(value, int) else value

    def add(self, a: Any, b: Any) -> Any:
        """a + b, of counts."""
        return self.builder.add(self.index(a), self.index(b))

    def times(self, a: Any, b: Any) -> Any:
        """a × b, of counts."""
        return self.builder.mul(self.index(a), self.index(b))

    def quotient(self, a: Any, b: int) -> Any:
        """a // b, of counts."""
        return self.builder.udiv(self.index(a), self.index(b))

    def minus(self, a: Any, b: Any) -> Any:
        """a - b, of counts."""
        return self.builder.sub(self.index(a), self.index(b))

    def least(self, a: Any, b: Any) -> Any:
        """min(a, b), of counts."""
        a, b = self.index(a), self.index(b)
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    @contextmanager
    def loop(self, count: Any) -> Iterator[Any]:
        """for i in range(count)."""
        before = self.builder.block
        head, body, after = (self.builder.append_basic_block(name) for name in ("head", "loop", "after"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        i = self.builder.phi(_I64)
        i.add_incoming(self.index(0), before)
        self.builder.cbranch(self.builder.icmp_signed("<", i, self.index(count)), body, after)
        self.builder.position_at_end(body)
        yield i
        i.add_incoming(self.builder.add(i, self.index(1)), self.builder.block)
        self.builder.branch(head)
        self.builder.position_at_end(after)

    def shift(self, pointer: Any, by: Any) -> Any:
        """The pointer to what lies `by` float32 further on."""
        return self._place(pointer, by, _F32)

    def place16(self, pointer: Any, at: Any) -> Any:
        """The pointer to the 16-bit number at `at`."""
        return self._place(pointer, at, _I16)

    def clear(self, pointer: Any, first: Any, last: Any, number: torch.dtype = torch.float32) -> None:
        """Zeros from `first` up to `last`, which lie a multiple of 16 numbers apart."""
        with self.loop(self.quotient(self.minus(last, first), LANES)) as i:
            self.store(self.splat(0.0), pointer, self.add(first, self.times(i, LANES)), number)

    def integer(self, pointer: Any, at: Any) -> Any:
        """The int64 at `at`."""
        return self.builder.load(self._place(pointer, at, _I64))

    def number(self, pointer: Any, at: Any) -> Any:
        """The float32 at `at`, in every lane."""
        return self.splat(self.builder.load(self._place(pointer, at, _F32)))

    def vector(self, pointer: Any, at: Any, number: torch.dtype = torch.float32) -> Any:
        """The 16 numbers from `at` on, as float32."""
        if number is torch.float32:
            return self._loaded(self._place(pointer, at, _F32), _VECTOR)
        halves = self._loaded(self._place(pointer, at, _I16), _HALVES)
        return self.builder.bitcast(
            self.builder.shl(self.builder.zext(halves, _WORDS), ir.Constant(_WORDS, [16] * LANES)), _VECTOR
        )

    def store(self, vector: Any, pointer: Any, at: Any, number: torch.dtype = torch.float32) -> None:
        """Write 16 numbers from `at` on; bfloat16 rounds to nearest."""
        if number is torch.bfloat16:
            vector = self.builder.fptrunc(vector, _BFLOATS)
        element = _F32 if number is torch.float32 else _I16
        place = self.builder.bitcast(self._place(pointer, at, element), vector.type.as_pointer())
        self.builder.store(vector, place).align = 2 if number is torch.bfloat16 else 4

    def scatter(self, vector: Any, pointer: Any, at: Any, step: int) -> None:
        """Write 16 numbers as bfloat16, `step` apart from `at` on."""
        halves = self.builder.bitcast(self.builder.fptrunc(vector, _BFLOATS), _HALVES)
        for lane in range(LANES):
            value = self.builder.extract_element(halves, ir.Constant(_I32, lane))
            self.builder.store(value, self._place(pointer, self.add(at, lane * step), _I16))

    def store_pairs(self, pointer: Any, first: Any, second: Any, to: Any, at: Any) -> None:
        """Write the 16 bfloat16 from `first` on and those from `second` on, number by number, from `at` on."""
        low, high = (
            self.builder.zext(self._loaded(self._place(pointer, place, _I16), _HALVES), _WORDS)
            for place in (first, second)
        )
        pairs = self.builder.or_(low, self.builder.shl(high, ir.Constant(_WORDS, [16] * LANES)))
        place = self.builder.bitcast(self._place(to, at, _I16), _WORDS.as_pointer())
        self.builder.store(pairs, place).align = 2

    def store_number(self, value: Any, pointer: Any, at: Any) -> None:
        """Write one float32 at `at`."""
        self.builder.store(value, self._place(pointer, at, _F32))

    # ------------------------------------------------------------ vectors

    def splat(self, value: Any) -> Any:
        """One number in every lane."""
        if isinstance(value, float):
            return ir.Constant(_VECTOR, [value] * LANES)
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(_WORDS, [0] * LANES))

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a·b + c."""
        return self.builder.call(self.intrinsic("llvm.fma.v16f32", _VECTOR, [_VECTOR] * 3), [a, b, c])

    def plus(self, a: Any, b: Any) -> Any:
        """a + b, of vectors."""
        return self.builder.fadd(a, b)

    def relu(self, x: Any) -> Any:
        """max(x, 0), and NaN where x is NaN: a non-finite score must stay visible."""
        return self.builder.select(self.builder.fcmp_ordered("<", x, self.splat(0.0)), self.splat(0.0), x)

    def where_positive(self, x: Any, y: Any) -> Any:
        """y where x > 0, else 0."""
        return self.builder.select(self.builder.fcmp_ordered(">", x, self.splat(0.0)), y, self.splat(0.0))

    def total(self, x: Any) -> Any:
        """Sum over the lanes, a number."""
        add = self.intrinsic("llvm.vector.reduce.fadd.v16f32", _F32, [_F32, _VECTOR])
        return self.builder.call(add, [ir.Constant(_F32, -0.0), x], fastmath=("reassoc",))

    def variable(self, value: Any) -> Variable:
        """A vector that loops may change."""
        return Variable(self, value)

    # ------------------------------------------------------------ compiling

    def compiled(self) -> Callable[..., None]:
        """Finish, compile, and return it: called with addresses and counts (ints), it runs without Python's lock."""
        with _compiling:
            return self._compiled()

    def _compiled(self) -> Callable[..., None]:
        self.builder.ret_void()
        with self.builder.goto_block(self.entry):
            self.builder.branch(self._function.blocks[1])
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features().flatten()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True
        )
        module = llvm.parse_assembly(str(self.module))
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(self.arguments))
        call = kind(engine.get_function_address("kernel"))
        call.engine = engine  # type: ignore[attr-defined]  # the code lives as long as the function that calls it
        return call

    # ------------------------------------------------------------ inside

    def _place(self, pointer: Any, at: Any, element: Any) -> Any:
        return self.builder.gep(self.builder.bitcast(pointer, element.as_pointer()), [self.index(at)])

    def _loaded(self, place: Any, kind: Any) -> Any:
        value = self.builder.load(self.builder.bitcast(place, kind.as_pointer()))
        value.align = 2 if kind is _HALVES else 4
        return value

    def intrinsic(self, name: str, result: Any, arguments: list[Any]) -> Any:
        """One of LLVM's own functions, declared once."""
        declared = self.module.globals.get(name)
        return declared or ir.Function(self.module, ir.FunctionType(result, arguments), name)


class Variable:
    """A vector with a place of its own, which LLVM keeps in a register where it can."""

    def __init__(self, function: Function, value: Any) -> None:
        self.builder = function.builder
        with self.builder.goto_block(function.entry):
            self._place = self.builder.alloca(_VECTOR)
        self.value = value

    @property
    def value(self) -> Any:
        return self.builder.load(self._place)

    @value.setter
    def value(self, value: Any) -> None:
        self.builder.store(value, self._place)
