"""Bytes to and from a daemon: the pipes of a child process, or a Unix socket.

A transport knows file descriptors and processes and nothing of the protocol. Reading blocks and
writing never does: write() takes what fits and raises BlockingIOError if nothing does.

Both append what they did to a list of the caller's, inside C code. So a signal handler that raises
(Ctrl-C) cannot come between the system call and the record of it: either nothing happened or the
list tells. The driver relies on that to stay in step after an interruption.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, Optional, Union

from .errors import DaemonDied, DaemonNotFound
from .pages import Lent
from .shared import Pool, pool_of

Command = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]

PIPE_BYTES = 1 << 20
STDERR_BYTES = 4096  # of a child's stderr are kept
F_SETPIPE_SZ = 1031  # fcntl has the name since Python 3.10
WHOLE_BYTES = 4096  # PIPE_BUF of Linux: so few a pipe takes at once, or none of them
TERM_SECONDS = 1.0  # between SIGTERM and SIGKILL
PROOF_BYTES = 32
STATUS_SECONDS = 1.0  # that a child which closed its pipes has to end by itself


class Transport(ABC):
    """One connection. read_fd and write_fd are for poll(); they may be the same. pool: memory that
    the peer shares. proof: bytes that nobody else knows, if the peer may read our memory."""

    pool: Optional[Pool] = None
    proof: Optional[bytes] = None
    read_fd: int
    write_fd: int
    both: tuple[tuple[Callable[..., Any], ...], tuple[int, ...]] = (), ()
    """The functions and descriptors of exchange() for frames of no more than WHOLE_BYTES, where
    such a frame is taken as a whole or not at all: map() over them makes both calls, with nothing
    between them. Empty: there is no such way."""

    @abstractmethod
    def read(self, inbox: list[bytes], size: int) -> None:
        """Append what comes next, at most size bytes, b"" at the end. Blocks."""

    @abstractmethod
    def write(self, sent: list[int], data: Union[bytes, memoryview]) -> None:
        """Append the number of bytes that were taken. Never blocks: BlockingIOError."""

    def write_lent(self, sent: list[int], lent: Lent) -> None:
        """write() of bytes whose memory stays as it is until the peer has read them."""
        self.write(sent, lent.view)

    @abstractmethod
    def exchange(
        self, log: deque[Any], frame: bytes, size: int, look: Callable[[], object]
    ) -> bool:
        """write() of a frame and, if all of it was taken, look() and read(), which is told then;
        with one log for both."""

    def write_with(self, sent: list[int], data: bytes, fd: int) -> None:
        """write() with a descriptor beside the bytes, for those that can: OSError."""
        raise OSError("this connection passes no descriptors")

    @abstractmethod
    def death(self) -> DaemonDied:
        """The error to raise now that the peer has ended the connection."""

    @abstractmethod
    def close(self, grace_seconds: float) -> None:
        """Close; a child gets so much time to end by itself. Twice is once."""

    @abstractmethod
    def interrupt(self) -> None:
        """Make another thread's read() return, for good. Closes nothing."""

    @abstractmethod
    def forget(self) -> None:
        """Close the descriptors only, in a forked process that must not touch the peer."""

    def drain(self) -> None:  # noqa: B027 - not every transport has something beside its stream
        """Take what lies beside the stream of frames, without blocking."""


class ChildTransport(Transport):
    """A spawned daemon and its pipes, and the memory that it shares."""

    def __init__(self, argv: Sequence[str], shared_bytes: int = 0) -> None:
        """shared_bytes: 0 for none; there may be none in any case."""
        self.pool = pool_of(shared_bytes)
        if shared_bytes > 0:
            self.proof = os.urandom(PROOF_BYTES)
        try:
            self._start(argv)
        except BaseException:
            self._close_pool()
            raise

    def _start(self, argv: Sequence[str]) -> None:
        pool = self.pool
        if pool is not None:
            argv = [*argv, "--shared-memory", str(pool.fd)]
        if self.proof is not None:
            argv = [*argv, "--parent-memory"]
        errors, child_errors = os.pipe()
        try:
            # Both ends: the child never blocks on a stderr that nobody reads, nor do we on an
            # empty one. What finds no room is lost, which is better than a daemon that stands.
            os.set_blocking(errors, False)
            os.set_blocking(child_errors, False)
            # A session of its own: Ctrl-C at the terminal is for us, not for the daemon.
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=child_errors,
                bufsize=0,
                close_fds=True,
                start_new_session=True,
                pass_fds=() if pool is None else (pool.fd,),
            )
        except FileNotFoundError as error:
            os.close(errors)
            raise DaemonNotFound(f"cannot start '{argv[0]}': {error.strerror}") from error
        except BaseException:
            os.close(errors)
            raise
        finally:
            os.close(child_errors)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout, self._errors = self._process.stdin, self._process.stdout, errors
        self.write_fd, self.read_fd = self._stdin.fileno(), self._stdout.fileno()
        self._write_fds, self._read_fds = (self.write_fd,), (self.read_fd,)
        if sys.platform == "linux":
            self.both = (os.write, os.read), (self.write_fd, self.read_fd)
        os.set_blocking(self.write_fd, False)
        _widen(self.write_fd)
        _widen(self.read_fd)
        self._tail = b""
        self._closed = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, inbox: list[bytes], size: int) -> None:
        inbox.extend(map(os.read, self._read_fds, (size,)))

    def write(self, sent: list[int], data: Union[bytes, memoryview]) -> None:
        sent.extend(map(os.write, self._write_fds, (data,)))

    def write_lent(self, sent: list[int], lent: Lent) -> None:
        if not lent.give(sent, self.write_fd):
            self.write(sent, lent.view)

    def exchange(
        self, log: deque[Any], frame: bytes, size: int, look: Callable[[], object]
    ) -> bool:
        log.extend(map(os.write, self._write_fds, (frame,)))
        if log[0] != len(frame):
            return False
        look()
        log.extend(map(os.read, self._read_fds, (size,)))
        return True

    def drain(self) -> None:
        if self._errors < 0:
            return
        try:
            while True:
                data = os.read(self._errors, 65536)
                if not data:
                    return
                self._tail = (self._tail + data)[-STDERR_BYTES:]
        except BlockingIOError:
            pass

    def death(self) -> DaemonDied:
        status: Optional[int] = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(STATUS_SECONDS)
        self.drain()
        return DaemonDied(
            f"the daemon {_how(status)}",
            status=status,
            stderr=self._tail.decode("utf-8", "replace").rstrip("\n"),
        )

    def interrupt(self) -> None:
        self._process.kill()

    def close(self, grace_seconds: float) -> None:
        if self._closed:
            return
        self._closed = True
        self._close_pool()
        process = self._process
        # The end of its input is the daemon's sign to finish. Its output is closed as well: one
        # that is stuck in a full pipe would not see the sign.
        self._stdin.close()
        self._stdout.close()
        try:
            for seconds, stop in ((grace_seconds, process.terminate), (TERM_SECONDS, process.kill)):
                try:
                    process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    stop()
            process.wait()
        finally:
            self.drain()
            os.close(self._errors)
            self._errors = -1

    def _close_pool(self) -> None:
        if self.pool is not None:
            self.pool.close()

    def forget(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self.pool is not None:
            self.pool.forget()
        self._stdin.close()
        self._stdout.close()
        os.close(self._errors)
        self._errors = -1
        self._process.returncode = 0  # another process's child: nothing to wait for or warn of


def _check_path(path: str) -> None:
    """What a system takes for another address than it looks, or for none."""
    if not path:
        raise FileNotFoundError(errno.ENOENT, "the path of the socket is empty", path)
    if "\0" in path[1:]:  # in front it is that of an abstract address
        raise OSError(errno.EINVAL, "the path of the socket has a NUL in it", path)


class SocketTransport(Transport):
    """A connection to a daemon that listens on a Unix socket."""

    def __init__(self, path: Union[str, bytes, os.PathLike[str]], timeout: Optional[float]) -> None:
        self._path = os.fsdecode(path)
        _check_path(self._path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(os.fspath(path))
            self._socket.settimeout(None)
        except OSError as error:
            self._socket.close()
            if error.errno is None:  # it found out by itself, and names no path
                raise OSError(
                    errno.ENAMETOOLONG, "the path of the socket is too long", self._path
                ) from None
            if error.filename is None:
                error.filename = self._path
            raise
        except BaseException:
            self._socket.close()
            raise
        self.read_fd = self.write_fd = self._socket.fileno()
        self._read_fds = (self.read_fd,)
        self._flags = (socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0),)

    def read(self, inbox: list[bytes], size: int) -> None:
        inbox.extend(map(os.read, self._read_fds, (size,)))

    def write(self, sent: list[int], data: Union[bytes, memoryview]) -> None:
        sent.extend(map(self._socket.send, (data,), self._flags))

    def exchange(
        self, log: deque[Any], frame: bytes, size: int, look: Callable[[], object]
    ) -> bool:
        log.extend(map(self._socket.send, (frame,), self._flags))
        if log[0] != len(frame):
            return False
        look()
        log.extend(map(os.read, self._read_fds, (size,)))
        return True

    def write_with(self, sent: list[int], data: bytes, fd: int) -> None:
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [fd]))]
        sent.extend(map(self._socket.sendmsg, ((data,),), (passed,), self._flags))

    def death(self) -> DaemonDied:
        return DaemonDied(f"the daemon at '{self._path}' closed the connection")

    def interrupt(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self, grace_seconds: float) -> None:
        self._socket.close()

    def forget(self) -> None:
        self._socket.close()


def find_daemon(command: Optional[Command]) -> list[str]:
    """The argument vector of the daemon to spawn: given, $TAMISD, on PATH, beside the package."""
    if command is None:
        found = os.environ.get("TAMISD") or shutil.which("tamisd")
        if not found:
            here = Path(__file__).resolve().parent
            beside = (here / "bin" / "tamisd", here / "tamisd", here.parent / "tamisd")
            found = next((str(p) for p in beside if os.access(p, os.X_OK) and p.is_file()), None)
        if not found:
            raise DaemonNotFound(
                "no tamisd: give command=, set TAMISD, or put tamisd on PATH or beside the package"
            )
        argv = [found]
    elif isinstance(command, (str, os.PathLike)):
        argv = [os.fspath(command)]
    else:
        argv = [os.fspath(part) for part in command]
        if not argv:
            raise ValueError("command is empty")
    return [*argv, "--stdio", "--files"]


def is_near(command: Optional[Command]) -> bool:
    """Is what a command starts certainly a daemon on this machine, to share memory with? One word
    is, and so is tamisd with options, unless one of them is about that memory. A wrapper (ssh, a
    container's) may start the daemon elsewhere."""
    if command is None or isinstance(command, (str, os.PathLike)) or len(command) == 1:
        return True
    first, *options = (os.fspath(part) for part in command)
    return os.path.basename(first) == "tamisd" and not any(
        option.startswith("--shared-") for option in options
    )


def _widen(fd: int) -> None:
    """A pipe of 1 MiB is three times as fast as one of 64 KiB; where that is refused, so be it."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES)


def _how(status: Optional[int]) -> str:
    if status is None:
        return "ended the connection but is still running"
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def remaining(deadline: float) -> float:
    """Seconds until a deadline of time.monotonic(), never negative."""
    return max(0.0, deadline - time.monotonic())
