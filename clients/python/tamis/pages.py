"""What the kernel does with the pages of memory, so that nobody has to copy or to clear them.

Lent bytes go into a pipe as they lie (vmsplice): its reader copies them out of the writer's own
memory, and sees what is there when it reads. So only bytes are lent that stay as they are until
they have been read, or whose reader does not care any more: those of a caller who waits for the
answer. How much is lent is told by frames that are written as usual, whatever becomes of it.

Large pages halve the time that it takes to fill fresh memory: it comes 2 MiB at a time.

Memory that is fresh may take long to come, longer than what is put there: then another thread asks
for the next of it, while this one waits for what to put there.

All are no more than faster. Where there is no such thing, bytes are written, and pages small.
"""

from __future__ import annotations

import ctypes
import errno
import io
import mmap
import sys
import threading
from typing import Any, Optional, Union

LEAST_BYTES = 64 << 10  # a pipe has a slot for each page, and gathers smaller pieces itself
LARGE_BYTES = 2 << 20  # the page of most machines; where it is more, some memory stays as it was
SPLICE_F_NONBLOCK = 2
MADV_HUGEPAGE: Optional[int] = getattr(mmap, "MADV_HUGEPAGE", None)
MADV_POPULATE_WRITE = 23  # since Linux 5.14
AHEAD_LEAST_BYTES = 32 << 20  # of a room, for which a thread is worth starting
AHEAD_BYTES = 16 << 20  # that are there before they are needed, at most
STEP_BYTES = 4 << 20

_is_positive = (0).__lt__


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("bytes", ctypes.c_size_t))


class _Buffer(ctypes.Structure):
    """Py_buffer of CPython."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_void_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


def _of_libc(name: str, result: Any, *arguments: Any) -> Any:
    """A function of the C library that sets errno; None where there is none such."""
    if sys.platform != "linux" or sys.implementation.name != "cpython":  # objects may move
        return None
    found = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if found is not None:
        found.restype, found.argtypes = result, arguments
    return found


_vmsplice = _of_libc(
    "vmsplice",
    ctypes.c_ssize_t,
    ctypes.c_int,
    ctypes.POINTER(_Iovec),
    ctypes.c_size_t,
    ctypes.c_uint,
)
_madvise = _of_libc("madvise", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class Lent:
    """Bytes that a pipe may show to its reader. The memory lives at least as long as this."""

    __slots__ = ("_address", "view")

    def __init__(self, view: memoryview, address: int) -> None:
        self.view = view
        self._address = address

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, part: slice) -> Lent:
        """Some of them, as of a memoryview; the step must be 1."""
        start = part.indices(len(self))[0]
        return Lent(self.view[part], self._address + start)

    def give(self, sent: list[int], pipe: int) -> bool:
        """Appends to `sent` the number of bytes that went into the pipe, inside C code, as writing
        does (transport.py). False if these cannot go there so: nothing was done. Never blocks:
        BlockingIOError."""
        if _vmsplice is None or len(self) < LEAST_BYTES:
            return False
        pieces = _Iovec(self._address, len(self))
        ctypes.set_errno(0)
        sent.extend(
            filter(_is_positive, map(_vmsplice, (pipe,), (pieces,), (1,), (SPLICE_F_NONBLOCK,)))
        )
        if sent:
            return True
        number = ctypes.get_errno()
        if number in (errno.EAGAIN, errno.EINTR):
            raise BlockingIOError(number, "the pipe takes nothing now")
        return False  # also if nobody reads any more: writing tells so, too


def address_of(data: Union[bytes, memoryview]) -> Optional[int]:
    """Where bytes are, and stay as long as somebody holds them; None where that can change."""
    return None if _vmsplice is None else _address(memoryview(data))


def lend(data: Union[bytes, bytearray, memoryview]) -> Optional[Lent]:
    """All of the data; None if it is little, or nothing can be lent."""
    view = memoryview(data).cast("B")
    if _vmsplice is None or len(view) < LEAST_BYTES:
        return None
    return Lent(view, _address(view))


def _address(view: memoryview) -> int:
    """Where its bytes lie, which may be for reading only. For CPython."""
    found = _Buffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(found), 0)
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(found))
    return found.buf or 0


def room(size: int) -> io.BytesIO:
    """A BytesIO that holds `size` bytes of no account, to be overwritten from its beginning and
    truncated to what was. Only pages that are written to take memory."""
    if size < LARGE_BYTES:
        return io.BytesIO(bytes(size))
    try:
        made = io.BytesIO(bytes(size))  # taken over, not copied: nobody else has it
    except MemoryError:  # which the bytes that come may not need
        return io.BytesIO()
    if _madvise is not None and MADV_HUGEPAGE is not None:
        with made.getbuffer() as view:
            start = -(-_address(view) // LARGE_BYTES) * LARGE_BYTES
            end = (_address(view) + size) // LARGE_BYTES * LARGE_BYTES
            if start < end:
                _madvise(start, end - start, MADV_HUGEPAGE)
    return made


class Ahead:
    """Has memory of a room() made before it is written to: as much as has been written, and no more
    than AHEAD_BYTES. To be closed before the room is truncated."""

    def __init__(self, made: io.BytesIO) -> None:
        with made.getbuffer() as view:
            size = len(view)
            self._start = _address(view) if size >= AHEAD_LEAST_BYTES else 0
        self._end = (self._start + size) // LARGE_BYTES * LARGE_BYTES
        self._written = 0
        self._is_over = False
        self._wake = threading.Event()
        self._thread: Optional[threading.Thread] = None
        if size < AHEAD_LEAST_BYTES or _madvise is None:
            return
        thread = threading.Thread(target=self._run, name="tamis-pages", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter ends
            return
        self._thread = thread

    def reached(self, written: int) -> None:
        """So many bytes are in the room."""
        self._written = written
        self._wake.set()

    def _run(self) -> None:
        # Whatever stands at these addresses: this changes no byte of it.
        at = -(-self._start // LARGE_BYTES) * LARGE_BYTES
        while not self._is_over and at < self._end:
            here = self._start + self._written
            until = here + min(self._written, AHEAD_BYTES)
            at = max(at, here // LARGE_BYTES * LARGE_BYTES)
            if at >= until:
                self._wake.wait()
                self._wake.clear()
            elif _madvise(at, min(STEP_BYTES, self._end - at), MADV_POPULATE_WRITE) != 0:
                return  # there is no such thing here, or no memory: writing will tell
            else:
                at += STEP_BYTES

    def close(self) -> None:
        """Ends the thread; twice is once."""
        self._is_over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
