"""Arrow's C data interface, read with ctypes: arrays and streams of another library, in place.

The structures are those of https://arrow.apache.org/docs/format/CDataInterface.html and
CStreamInterface.html. No Arrow library is imported: what has `__arrow_c_stream__` or
`__arrow_c_array__` hands over pointers, and its buffers are read where they are.

Who owns what: an Owned holds one array of the producer and releases it when the last view into it
is gone (a view keeps its Owned alive), so that a buffer that is still to be sent cannot vanish. A
stream is released as soon as it is read, or given up. arrow_cells.py knows the types.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, pythonapi
from typing import Any, Callable, Optional, Union

from .arrow_array import Array, Kind
from .arrow_cells import kind_of
from .cells import Cells
from .columns import path_text
from .errors import ArrowError, EncodeError


class CSchema(Structure):
    pass


CSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(CSchema))),
    ("dictionary", POINTER(CSchema)),
    ("release", c_void_p),
    ("private_data", c_void_p),
]


class CArray(Structure):
    pass


CArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(CArray))),
    ("dictionary", POINTER(CArray)),
    ("release", c_void_p),
    ("private_data", c_void_p),
]


class CStream(Structure):
    _fields_ = [
        ("get_schema", c_void_p),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


RELEASE = ctypes.CFUNCTYPE(None, c_void_p)
GET = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
LAST_ERROR = ctypes.CFUNCTYPE(c_char_p, c_void_p)

# One type for memory of any size: a view of it is cut before anything is read.
MEMORY = ctypes.c_ubyte * (1 << 62)

_pointer: Callable[[Any, bytes], Optional[int]] = pythonapi.PyCapsule_GetPointer
_pointer.restype = c_void_p  # type: ignore[attr-defined]
_pointer.argtypes = [ctypes.py_object, c_char_p]  # type: ignore[attr-defined]


def has_arrow(source: Any) -> bool:
    """True for what can be read here."""
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")


class Owned:
    """A structure of a producer, in memory of ours, with its release callback."""

    def __init__(self, struct: Union[CSchema, CArray, CStream]) -> None:
        self.struct = struct

    def release(self) -> None:
        """Twice is once."""
        if self.struct.release:
            RELEASE(self.struct.release)(ctypes.addressof(self.struct))
            self.struct.release = None

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, TypeError):  # the interpreter is ending
            self.release()


def _taken(capsule: Any, name: bytes, kind: Any) -> Owned:
    """What a capsule holds, moved out of it: the capsule then has nothing to release."""
    address = _pointer(capsule, name)
    assert address
    theirs = kind.from_address(address)
    if not theirs.release:
        raise ArrowError("an Arrow capsule that has been used already")
    ours = kind()
    ctypes.memmove(ctypes.addressof(ours), address, ctypes.sizeof(kind))
    theirs.release = None
    return Owned(ours)


def _tree(array: Any, schema: Any, owner: Owned, depth: int = 0) -> Array:
    """An array with its children as Python objects; no buffer is looked at."""
    if depth > 64:
        raise ArrowError("an Arrow type that is nested deeper than 64")
    if array.n_children != schema.n_children or bool(array.dictionary) != bool(schema.dictionary):
        raise ArrowError("an Arrow array that does not fit its schema")
    children = [
        _tree(array.children[i].contents, schema.children[i].contents, owner, depth + 1)
        for i in range(schema.n_children)
    ]
    dictionary = None
    if schema.dictionary:
        theirs, types = array.dictionary.contents, schema.dictionary.contents
        dictionary = _tree(theirs, types, owner, depth + 1)
    buffers = [array.buffers[i] for i in range(array.n_buffers)]
    if min(array.length, array.offset) < 0:
        raise ArrowError("an Arrow array with a negative length")

    def view(i: int, size: int) -> memoryview:
        return _memory(buffers[i] if i < len(buffers) else None, size, owner)

    return Array(
        format=(schema.format or b"").decode("ascii", "replace"),
        name=(schema.name or b"").decode("utf-8", "surrogatepass"),
        length=array.length,
        offset=array.offset,
        has_nulls=array.null_count != 0 and bool(buffers) and bool(buffers[0]),
        n_buffers=len(buffers),
        view=view,
        children=children,
        dictionary=dictionary,
    )


def _memory(address: Optional[int], size: int, owner: Owned) -> memoryview:
    """So many bytes at the address, which keep the owner alive."""
    if not size:
        return memoryview(b"")
    if not address:
        raise ArrowError("an Arrow array without a buffer that its type has")
    memory = MEMORY.from_address(address)
    memory.owner = owner  # type: ignore[attr-defined]
    return memoryview(memory).cast("B")[:size].toreadonly()


def arrays(source: Any) -> Iterator[Array]:
    """The arrays of a stream, or the one array, one after the other.

    TypeError for a source that has none; ArrowError, or what the producer raises, if it fails.
    """
    stream = getattr(source, "__arrow_c_stream__", None)
    if stream is not None:
        yield from _stream(_taken(stream(), b"arrow_array_stream", CStream))
        return
    types, values = source.__arrow_c_array__()
    schema = _taken(types, b"arrow_schema", CSchema)
    owner = _taken(values, b"arrow_array", CArray)
    try:
        yield _tree(owner.struct, schema.struct, owner)
    finally:
        schema.release()


def _stream(stream: Owned) -> Iterator[Array]:
    schema = Owned(CSchema())
    try:
        _get(stream, "get_schema", schema)
        while True:
            owner = Owned(CArray())
            _get(stream, "get_next", owner)
            if not owner.struct.release:
                return
            array = _tree(owner.struct, schema.struct, owner)
            del owner  # the views of the array hold it
            yield array
            del array
    finally:
        schema.release()
        stream.release()


def _get(stream: Owned, name: str, into: Owned) -> None:
    struct = stream.struct
    address = ctypes.addressof(struct)
    code = GET(getattr(struct, name))(address, ctypes.addressof(into.struct))
    if code == 0:
        return
    text = None
    if struct.get_last_error:
        text = LAST_ERROR(struct.get_last_error)(address)
    detail = text.decode("utf-8", "replace") if text else f"error {code}"
    raise ArrowError(f"the Arrow stream failed: {detail}")


class ArrowColumn:
    """A column in one array or several, one behind the other."""

    def __init__(self, name: str, chunks: list[Array]) -> None:
        """EncodeError for a type that has no form."""
        self._chunks: list[tuple[int, int, Kind]] = []  # first row, row behind the last
        self._at = 0
        total = 0
        for chunk in chunks:
            if chunk.length:
                kind = kind_of(chunk, path_text((name,)))
                self._chunks.append((total, total + chunk.length, kind))
                total += chunk.length
        self._length = total
        self.in_place = all(kind.in_place for _, _, kind in self._chunks)

    @classmethod
    def of(cls, name: str, source: Any) -> ArrowColumn:
        _check_objects(source, name)
        return cls(name, list(arrays(source)))

    def __len__(self) -> int:
        return self._length

    def reach(self, start: int) -> int:
        return self._find(start)[1]

    def cells(self, start: int, stop: int) -> Cells:
        first, _, kind = self._find(start)
        return kind.cells(start - first, stop - first)

    def _find(self, row: int) -> tuple[int, int, Kind]:
        while row >= self._chunks[self._at][1]:  # parts are taken in order
            self._at += 1
        while row < self._chunks[self._at][0]:
            self._at -= 1
        return self._chunks[self._at]


def batches(source: Any) -> Iterator[tuple[int, list[tuple[str, ArrowColumn]]]]:
    """The rows of a source whose arrays are structs: their number, and their columns.

    TypeError for a source of another type; EncodeError for a column's.
    """
    _check_objects(source)
    for array in arrays(source):
        if array.format != "+s":
            raise TypeError("an Arrow source of rows must be of structs, such as a table has")
        columns = [(child.name, ArrowColumn(child.name, [child])) for child in array.members()]
        yield array.length, columns


def _check_objects(source: Any, column: str = "") -> None:
    """EncodeError for Python objects in polars, which gives their addresses and says bytes."""
    if type(source).__module__.partition(".")[0] != "polars":
        return
    for name, dtype in getattr(source, "schema", {column: getattr(source, "dtype", "")}).items():
        if str(dtype) == "Object":
            reason = "Python objects of polars cannot be sent: make a list of them"
            raise EncodeError(reason, field=path_text((name,)))
