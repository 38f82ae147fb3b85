"""Files whose descriptor goes to the daemon beside a message, so that their bytes need not.

Only what is surely the file itself: a path, or a file object of the io module over a plain
descriptor. Wrappers that unpack or decode have a fileno() too, of bytes that are not theirs.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from typing import BinaryIO, Optional, Union

# What the daemon answers for a file that it does not read itself; its bytes can still be sent.
REFUSALS = ("BAD_DESCRIPTOR", "TOO_MANY_DESCRIPTORS")


class PassedFile:
    """An open regular file and the byte to begin with. Owns its descriptor until that is sent."""

    def __init__(self, fd: int, at: int, file: Optional[BinaryIO] = None) -> None:
        """fd: taken over. file: the caller's, which is to stand behind what was read."""
        self.fd = fd
        self.at = at
        self._file = file

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """The daemon has a descriptor of its own now. Twice is once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def read(self, count: int) -> None:
        """The daemon has read so many bytes: the caller's file object goes on behind them."""
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):  # closed meanwhile
                self._file.seek(self.at + count)


class Passing(bytes):
    """A frame that a file goes with."""

    file: PassedFile

    def __new__(cls, frame: bytes, file: PassedFile) -> Passing:
        made = super().__new__(cls, frame)
        made.file = file
        return made


def passed_path(path: Union[str, bytes, os.PathLike[str]]) -> Optional[PassedFile]:
    """The file at path, if it can be passed. OSError if there is none, or it may not be read."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would take its writer
        return None
    return _checked(os.open(path, os.O_RDONLY | os.O_CLOEXEC), 0, None)


def passed_object(file: object) -> Optional[PassedFile]:
    """The file under a file object from where it stands, if it can be passed."""
    raw = file.raw if isinstance(file, (io.BufferedReader, io.BufferedRandom)) else file
    if type(raw) is not io.FileIO or raw.closed or not raw.readable():
        return None
    assert isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO))
    try:
        if isinstance(file, io.BufferedRandom):
            file.flush()
        return _checked(os.dup(raw.fileno()), file.tell(), file)
    except OSError:  # it has no position
        return None


def _checked(fd: int, at: int, file: Optional[BinaryIO]) -> Optional[PassedFile]:
    passed = PassedFile(fd, at, file)  # owns fd from here on
    status = os.fstat(fd)
    # Files of the kernel (/proc) have bytes, but say that they have none.
    return passed if stat.S_ISREG(status.st_mode) and status.st_size > 0 else None
