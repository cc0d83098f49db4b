"""Pickles: plain data is read, and nothing is run."""

import functools
import io
import operator
import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synapsnet.data.readers._plain_pickle import load_object_array
from synapsnet.errors import UserError

PLAIN = {
    "counts": np.arange(24, dtype=np.int8).reshape(2, 3, 4),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "swapped": np.arange(3, dtype=">f4"),
    "area": np.array(["VISp", "CA1"]),
    "flags": np.array([True, False]),
    "empty": np.empty((0, 3)),
    "scalar": np.float64(0.25),
    "name": np.str_("Cori"),
    "plain": [1, -2.5, None, True, "text", b"bytes", (1, 2), {"nested": [3]}],
    "objects": np.array(["a", None, 2], dtype=object),
}


def stored(value: Any, protocol: int = 4) -> io.BytesIO:
    """A ``.npy`` file with one pickled object."""
    stream = io.BytesIO()
    dat = np.empty(1, dtype=object)
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(dat))
    dat[0] = value
    pickle.dump(dat, stream, protocol=protocol)
    stream.seek(0)
    return stream


def crafted(instructions: bytes) -> io.BytesIO:
    """A ``.npy`` file whose pickle says something that no library writes."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(np.empty(1, dtype=object)))
    stream.write(instructions)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_plain_data_comes_back(protocol: int) -> None:
    (found,) = load_object_array(stored(PLAIN, protocol))
    assert found.keys() == PLAIN.keys()
    for key in ("counts", "columns", "swapped", "area", "flags", "empty"):
        np.testing.assert_array_equal(found[key], PLAIN[key])
        assert found[key].dtype == PLAIN[key].dtype
    assert found["scalar"] == 0.25
    assert found["name"] == "Cori"
    assert found["plain"] == PLAIN["plain"]
    assert found["objects"] == ["a", None, 2]


def test_what_numpy_itself_wrote() -> None:
    stream = io.BytesIO()
    dat = np.empty((2, 1), dtype=object)
    dat[:, 0] = [{"x": np.arange(3)}, {"x": np.arange(4)}]
    np.save(stream, dat)
    stream.seek(0)
    found = load_object_array(stream)
    assert [row[0]["x"].tolist() for row in found] == [[0, 1, 2], [0, 1, 2, 3]]


class Says:
    """Pickled, it asks for a function to be called."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.instruction = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.instruction


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("where", ["alone", "in a dictionary", "as the state of an array"])
def test_nothing_runs(tmp_path: Path, protocol: int, where: str) -> None:
    made = tmp_path / "made"
    for function, arguments in (
        (os.mkdir, (str(made),)),
        (os.system, (f"mkdir {made}",)),
        (eval, (f"__import__('os').mkdir({str(made)!r})",)),
        (exec, (f"import os; os.mkdir({str(made)!r})",)),
        (functools.partial, (os.mkdir, str(made))),
        (operator.attrgetter, ("system",)),
        (getattr, ("", "join")),
        (np.load, (str(made),)),
        (np.fromfile, (str(made),)),
        (np.memmap, (str(made), "uint8", "w+", 0, 1)),
    ):
        says: Any = Says(function, *arguments)
        says = {"spks": says} if where == "in a dictionary" else says
        if where == "as the state of an array":
            says = Says(np.dtype, says)
        with pytest.raises(UserError, match="nothing in it was run"):
            load_object_array(stored(says, protocol))
        assert not made.exists()


@pytest.mark.parametrize(
    "name",
    [
        "posix\nsystem",
        "numpy._core.multiarray\n_reconstruct.__globals__",
        "numpy\nndarray.__class__",
        "numpy\nload",
        "numpy.core.multiarray\nfromfile",
        "builtins\ngetattr",
        "copyreg\n_reconstructor",
        "synapsnet.data.readers._plain_pickle\n_NAMES",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="nothing in it was run"):
        load_object_array(crafted(b"c" + name.encode() + b"\n."))


ARRAY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
DTYPE_OF_TEXT = b"cnumpy\ndtype\n(X\x02\0\0\0U1\x89\x88tR(K\x03X\x01\0\0\0<NNNK\x04K\x04K\x08tb"


@pytest.mark.parametrize(
    "instructions",
    [
        # Names of the list, used as what they are not: given a state, called, subclassed, returned.
        b"cnumpy\nndarray\n}X\x05\x00\x00\x00_makeX\x01\x00\x00\x00ysb.",
        b"cnumpy\nndarray\nN}X\x05\x00\x00\x00_makeX\x01\x00\x00\x00ys\x86b.",
        b"cnumpy\nndarray\n(K\x01tR.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8tR.",
        b"cnumpy\ndtype\n(X\x06\x00\x00\x00i4,O,OtR.",
        b"cnumpy\ndtype\n)\x81.",
        b"cnumpy\nndarray\n.",
        b"cnumpy._core.multiarray\n_reconstruct\n)R.",  # an array without its content
        b"cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x01\x00\x00\x00OtRC\x08AAAAAAAAtR.",
        b"(lp0\ng0\na.",  # a list in itself
        b"Pelsewhere\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x05\x97.",
        b".",
        b"",
        # Short files that would crash Python or fill all memory.
        b"\x80\x04})" + b"\x85" * 10**5 * 3 + b"Ns.",  # a key that is a tuple in a tuple in a tuple ...
        b"\x80\x04})" + b"\x85" * 10**5 * 3 + b"(Nu.",
        b"\x80\x04" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
        b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"x.",
        b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b"x.",
        # An array of characters whose bytes are changed after they were looked at.
        b"\x80\x05"
        + ARRAY
        + b"(K\x01K\x01\x85"
        + DTYPE_OF_TEXT
        + b"\x89\x96\x04\0\0\0\0\0\0\0A\0\0\0\x94tbh\x00K\x03K\xffs0.",
    ],
)
def test_crafted_instructions_are_refused(instructions: bytes) -> None:
    with pytest.raises(UserError):
        load_object_array(crafted(instructions))


class AsArray:
    """Pickled, it asks for an array with a state of one's own choice."""

    def __init__(self, code: str, state: tuple[Any, ...]) -> None:
        self.code, self.state = code, state

    def __reduce__(self) -> tuple[Any, ...]:
        return np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), self.state


@pytest.mark.parametrize(
    "state",
    [
        (1, (1,), np.dtype("O"), False, b"AAAAAAAA"),  # bytes for addresses
        (1, (2,), np.dtype("O"), False, [1]),
        (1, (1,), np.dtype([("a", "O")]), False, b"AAAAAAAA"),
        (1, (1,), np.dtype("V8"), False, b"AAAAAAAA"),
        (1, (3,), np.dtype("f8"), False, b"AAAAAAAA"),
        (1, (-1,), np.dtype("f8"), False, b"AAAAAAAA"),
        (1, ("1",), np.dtype("f8"), False, b"AAAAAAAA"),
        (1, (1,), "f8", False, b"AAAAAAAA"),
        (1, (1,), np.dtype("U1"), False, b"\xff\xff\xff\xff"),
        (1, (10**18,), np.dtype("f8"), False, b""),
    ],
)
def test_states_that_do_not_fit_are_refused(state: tuple[Any, ...]) -> None:
    with pytest.raises(UserError):
        load_object_array(stored(AsArray("f8", state)))


def test_memory_is_not_taken_for_what_is_never_there() -> None:
    """The list is to be remembered as number 2^28 - 1, and the other array has 2^40 empty rows."""
    tracemalloc.start()
    try:
        assert load_object_array(crafted(b"\x80\x04]r\xff\xff\xff\x0f.")) == []
        assert load_object_array(stored(AsArray("O", (1, (2**40, 0), np.dtype("O"), False, [])))) == [[]]
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_what_refers_to_one_thing_often_is_converted_once() -> None:
    value: list[Any] = [0]
    for _ in range(5):
        value = [value] * 10
    (found,) = load_object_array(stored(value))
    assert found[0] is found[9]


def test_what_nobody_could_write_out_is_refused() -> None:
    """Lists of lists of lists that would be 10^30 numbers: whoever turned them into an array would never return."""
    value: list[Any] = [0]
    for _ in range(30):
        value = [value] * 10
    with pytest.raises(UserError, match="too many items"):
        load_object_array(stored(value))


def test_numbers_instead_of_objects_and_damaged_files() -> None:
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    stream.seek(0)
    with pytest.raises(UserError, match="but pickled objects were expected"):
        load_object_array(stream)
    whole = stored(PLAIN).getvalue()
    for stop in range(0, len(whole) - 1, 97):
        with pytest.raises(UserError):
            load_object_array(io.BytesIO(whole[:stop]))
