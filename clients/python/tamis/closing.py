"""What is closed at the end of a `with` block."""

from __future__ import annotations

from types import TracebackType
from typing import Optional, TypeVar

C = TypeVar("C", bound="Closing")


class Closing:
    """A context manager that gives itself, and calls its close() at the end."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
