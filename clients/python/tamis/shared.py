"""Memory that a spawned daemon shares: results are written there instead of coming down the pipe.

A Pool is one memfd, which the daemon maps, too. A Place is a region of it that one request may use.
It goes back to the pool once nothing looks at it any more: neither the request, nor one of the
views that were made of its results, nor one that was made of those. Until then nobody writes to it.

The pool is bounded; when it is empty, or memory is short, there is no place, and results come down
the pipe. Both classes know nothing of requests. Any thread may use a pool.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import sys
import threading
import weakref
from collections import deque
from typing import Any, Optional

POOL_BYTES = 256 << 20
LEAST_BYTES = 64 << 10  # results of less come faster down the pipe
RING_BYTES = 8 << 20  # rows that are on their way, of one request
RING_LEAST_BYTES = 1 << 20  # of data, for which that is worth it
GRAIN_BYTES = 64 << 10  # places are multiples of it
KEPT_BYTES = 64 << 20  # of the pool stay in memory when nobody uses them

# fcntl has the names in Linux builds of Python 3.9 and later, but for F_SEAL_SEAL and its like on
# old systems: these are the kernel's numbers.
F_ADD_SEALS = 1033
F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW = 1, 2, 4


class Place:
    """A region of a pool, for the results of one request."""

    __slots__ = ("_memory", "offset", "size")

    def __init__(self, memory: Any, offset: int, size: int) -> None:
        self._memory = memory
        self.offset = offset
        self.size = size

    def piece(self, offset: int, size: int) -> memoryview:
        """Bytes of it, counted from the beginning of the pool; ValueError if they are not in it."""
        start = offset - self.offset
        if start < 0 or size < 0 or start + size > self.size:
            raise ValueError("a piece that is not in its place")
        return memoryview(self._memory).cast("B")[start : start + size].toreadonly()


class Pool:
    """Shared memory of `size` bytes, of which only what was used takes memory."""

    def __init__(self, size: int) -> None:
        """OSError if there is no such memory."""
        size = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE
        self.fd = os.memfd_create("tamis", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.fd, size)
            # The daemon wants it: memory that shrinks under it would kill it.
            fcntl.fcntl(self.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
            self._memory: Optional[mmap.mmap] = mmap.mmap(self.fd, size)
        except BaseException:
            os.close(self.fd)
            raise
        self.size = size
        self._lock = threading.Lock()
        self._holes = [(0, size)]  # (offset, size), ascending, no two that touch
        self._allocated = 0  # from the beginning: what certainly has memory
        self._forks = 0
        # Filled by finalisers in any thread, at any time; emptied under the lock.
        self._released: deque[tuple[int, int, int]] = deque()
        _pools.add(self)

    def take(self, size: int) -> Optional[Place]:
        """A place of that size or somewhat more; None if there is none, or the pool is closed."""
        size = (size + GRAIN_BYTES - 1) // GRAIN_BYTES * GRAIN_BYTES
        with self._lock:
            self._collect()
            memory = self._memory
            found = next((i for i, (_, free) in enumerate(self._holes) if free >= size), None)
            if memory is None or found is None:
                return None
            offset, free = self._holes[found]
            if not self._allocate(offset + size):
                return None
            # Every view of it keeps this array alive, as one of a slice of the mmap would not.
            array = (ctypes.c_ubyte * size).from_buffer(memory, offset)
            self._holes[found : found + 1] = [(offset + size, free - size)] if free > size else []
            release = self._released.append
            weakref.finalize(array, release, (offset, size, self._forks)).atexit = False
        return Place(array, offset, size)

    def _allocate(self, end: int) -> bool:
        """Sees to it that writing so far needs no more memory, which might not be there."""
        if end > self._allocated:
            try:
                os.posix_fallocate(self.fd, self._allocated, end - self._allocated)
            except OSError:
                return False
            self._allocated = end
        return True

    def _collect(self) -> None:
        """Takes back what was released. Places of before a fork are lost: the other process may
        still look at them."""
        came = False
        while self._released:
            offset, size, forks = self._released.popleft()
            if forks == self._forks:
                self._holes.append((offset, size))
                came = True
        if not came:
            return
        holes: list[tuple[int, int]] = []
        for offset, size in sorted(self._holes):
            if holes and sum(holes[-1]) == offset:
                holes[-1] = (holes[-1][0], holes[-1][1] + size)
            else:
                holes.append((offset, size))
        self._holes = holes
        self._trim()

    def _trim(self) -> None:
        """Gives memory back that is behind KEPT_BYTES and everything in use."""
        offset, size = self._holes[-1] if self._holes else (0, 0)
        start = max(offset, KEPT_BYTES)
        if self._memory is None or offset + size < self.size or start >= self._allocated:
            return
        advice: Optional[int] = getattr(mmap, "MADV_REMOVE", None)
        if advice is not None:
            self._memory.madvise(advice, start, self._allocated - start)
            self._allocated = start

    def close(self) -> None:
        """No more places. Views that there are stay as they are. Twice is once."""
        with self._lock:
            self._drop()

    def forget(self) -> None:
        """close() in a forked process, where another thread may have held the lock."""
        self._lock = threading.Lock()
        self._drop()

    def _drop(self) -> None:
        if self._memory is not None:
            self._memory = None  # unmapped with its last view
            os.close(self.fd)

    def before_fork(self) -> None:
        """Both processes go on looking at the places that are in use: nobody may write there."""
        if self._lock.acquire(blocking=False):
            try:
                self._collect()
            finally:
                self._lock.release()
        self._forks += 1


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _before_fork() -> None:
    for pool in list(_pools):
        pool.before_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


def pool_of(size: int) -> Optional[Pool]:
    """A pool, or None where there is no such thing, or if it is to have no bytes."""
    if size == 0 or not hasattr(os, "memfd_create") or sys.byteorder != "little":
        return None
    try:
        return Pool(size)
    except OSError:
        return None
