"""Reading of pickles that hold only plain data, without running any code from them.

Unpickling runs whatever functions a file names, so NumPy is never asked to do it. But some public recordings exist only
as pickled arrays of dictionaries. The instructions of a pickle are harmless if every name in it is harmless. Here, a
name is looked up in a short list and nothing is imported. Each name stands for a substitute in this module, because
NumPy's own functions are not safe with a crafted state; for example, they may take bytes for addresses. The
substitutes build numbers, text and arrays of these with `numpy.frombuffer`, cannot be changed or subclassed by the
file, and refuse anything else. Beyond them, a file can only make lists, dictionaries, text and numbers, which cannot be
called. Instructions that plain data does not need are refused, and the remaining ones need memory and time in
proportion to the size of the file.

Like any compressed file, a file may still ask for more memory than there is.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._files import header_of
from synapsnet.errors import UserError, one_line

_PLAIN_DTYPE = re.compile(r"[|<>=]?([biufcSU]\d{1,6})")
_OBJECTS = re.compile(r"[|<>=]?O8?")
_MOST_ITEMS = 10**8
"""Most items in a file. An item counts every time it is referred to, because nested references to one list can grow
exponentially."""


def load_object_array(stream: IO[bytes]) -> Any:
    """Load a ``.npy`` file of pickled objects, if they are plain data.

    Args:
        stream: The file.

    Returns:
        The objects: arrays of numbers or text, arrays of objects as (nested) lists, dictionaries, lists, text, numbers.

    Raises:
        UserError: if the file is damaged, or names anything that plain data does not need; nothing has been run.
    """
    try:
        _, dtype = header_of(stream)
        if not dtype.hasobject:
            raise UserError(f"it holds an array of {dtype}, but pickled objects were expected")
        return _converted(_Reader(stream, encoding="latin1").load(), {})[0]
    except UserError:
        raise
    except Exception as error:  # damaged or crafted data raises exceptions of any type
        raise UserError(f"its pickled objects are damaged, or not plain data: {one_line(error)}") from error


def _unknown(_: Any) -> None:
    raise UserError("a pickle in it has instructions that plain data does not need; nothing in it was run")


def _set_items(reader: Any) -> None:
    items = reader.pop_mark()
    _put(reader.stack[-1], items)


def _set_item(reader: Any) -> None:
    value, key = reader.stack.pop(), reader.stack.pop()
    _put(reader.stack[-1], [key, value])


def _put(target: Any, items: list[Any]) -> None:
    # A tuple as a key may be nested so deeply that hashing it crashes Python.
    if type(target) is not dict or not all(isinstance(key, _KEYS) for key in items[::2]):
        raise ValueError("not a plain dictionary")
    target.update(zip(items[::2], items[1::2], strict=True))


_KEYS = (str, bytes, int, float, type(None))
_INSTRUCTIONS = """
    PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 LONG4 BINFLOAT BINUNICODE BINUNICODE8
    SHORT_BINUNICODE BINBYTES BINBYTES8 SHORT_BINBYTES BINSTRING SHORT_BINSTRING EMPTY_LIST APPEND APPENDS EMPTY_TUPLE
    TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
"""
_CODES = [getattr(pickle, name)[0] for name in _INSTRUCTIONS.split()]


class _Reader(pickle._Unpickler):  # the version in C allocates memory for as many objects as a file claims
    """Unpickler with only a few names and instructions."""

    dispatch: ClassVar[dict[int, Any]] = {
        **dict.fromkeys(range(256), _unknown),
        **{code: pickle._Unpickler.dispatch[code] for code in _CODES},
        pickle.SETITEM[0]: _set_item,
        pickle.SETITEMS[0]: _set_items,
    }

    def find_class(self, module: str, name: str) -> Any:
        named = _NAMES.get((module.replace("numpy.core.", "numpy._core."), name))
        if named is None:
            raise UserError(
                f"a pickle in it asks for {module}.{name}, but only arrays, dictionaries, lists, text and numbers are "
                "allowed; nothing in it was run"
            )
        return named


class _Named:
    """Substitute for a name in a pickle; it can only be called."""

    __slots__ = ("_make",)
    _make: Callable[..., Any]

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a name cannot be given a state")


class _Dtype:
    """A dtype as a pickle builds it: first from its code, then its byte order."""

    __slots__ = ("dtype",)
    dtype: np.dtype[Any] | None
    """None for objects."""

    def __init__(self, code: Any, *_: Any) -> None:
        plain = _PLAIN_DTYPE.fullmatch(code) if isinstance(code, str) else None
        if plain is None and not (isinstance(code, str) and _OBJECTS.fullmatch(code)):
            raise ValueError(f"not a plain dtype: {code!r}")
        self.dtype = None if plain is None else np.dtype(plain[1])

    def __setstate__(self, state: Any) -> None:
        _, order, subdtype, names, fields = state[:5]
        if subdtype is not None or names is not None or fields is not None or order not in ("<", ">", "|", "="):
            raise ValueError("not a plain dtype")
        if self.dtype is not None and order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """An array as a pickle builds it: first empty, then from its state."""

    __slots__ = ("content", "shape")
    content: npt.NDArray[Any] | list[Any]
    """The array; for objects, a flat list."""
    shape: tuple[int, ...]

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, by_columns, content = state
        if not isinstance(dtype, _Dtype) or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError("not a plain array")
        self.shape = tuple(shape)
        if dtype.dtype is None:
            if type(content) is not list or len(content) != math.prod(self.shape) or by_columns:
                raise ValueError("an array of objects that does not fit its shape")
            self.content = content
        else:
            flat = np.frombuffer(content, dtype.dtype)
            if flat.dtype.kind == "U":
                flat.tolist()  # fails for invalid characters
            self.content = flat.reshape(self.shape, order="F" if by_columns else "C")


def _scalar(dtype: Any, content: Any) -> Any:
    if not isinstance(dtype, _Dtype) or dtype.dtype is None:
        raise ValueError("not a plain number")
    (value,) = np.frombuffer(content, dtype.dtype).tolist()
    return value


def _encode(text: Any, encoding: Any) -> bytes:
    if encoding != "latin1":
        raise ValueError("not plain bytes")
    return str.encode(text, "latin1")


def _refused(*_: Any) -> Any:
    raise ValueError("not plain data")


_NAMES = {
    ("numpy._core.multiarray", "_reconstruct"): _Named(lambda *_: _Array()),
    ("numpy._core.multiarray", "scalar"): _Named(_scalar),
    ("numpy", "dtype"): _Named(_Dtype),
    ("numpy", "ndarray"): _Named(_refused),  # only ever handed to _reconstruct
    ("_codecs", "encode"): _Named(_encode),  # bytes, in old pickles
    ("__builtin__", "bytes"): _Named(lambda: b""),  # empty bytes, in old pickles
    # Dates and paths, which say when and where a file was made, become None.
    **{("datetime", name): _Named(lambda *_: None) for name in ("datetime", "timedelta", "timezone")},
    **{
        (module, f"{system}Path"): _Named(lambda *_: None)
        for module in ("pathlib", "pathlib._local")
        for system in ("Posix", "Windows")
    },
}


def _converted(value: Any, done: dict[int, tuple[Any, int]]) -> tuple[Any, int]:
    """The value with arrays in place of their substitutes, and its number of items, counting repeated references.

    Each object is converted only once, even if it is referred to several times.
    """
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, str | bytes | int | float | complex | bool | None):
        return value, 1
    n_items = 1

    def part(item: Any) -> Any:
        nonlocal n_items
        converted, within = _converted(item, done)
        n_items += within
        if n_items > _MOST_ITEMS:
            raise ValueError("nested lists with too many items")
        return converted

    converted: Any
    if isinstance(value, _Array) and not isinstance(value.content, list):
        converted = value.content
    elif isinstance(value, _Array):
        whole = np.empty(len(value.content), dtype=object)
        for place, item in enumerate(value.content):
            whole[place] = part(item)
        # Empty arrays become [], because a shape like [10**12, 0] would make that many lists.
        converted = whole.reshape(value.shape).tolist() if len(whole) else []
    elif isinstance(value, dict):
        converted = {key: part(item) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        converted = type(value)(part(item) for item in value)
    else:
        raise ValueError(f"not plain data: {type(value).__name__}")
    done[id(value)] = converted, n_items
    return done[id(value)]
