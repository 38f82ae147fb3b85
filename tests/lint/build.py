"""Where the built programs are, for the lint tests that need one."""

import os
from pathlib import Path

import pytest

from tests.lint.tree import TOP


def built(name: str) -> Path:
    """The file NAME of the build under test: TAMIS_BUILD (scripts/test sets it), or the dev build.

    Skips the test where it is not built; fails it where that cannot be (TAMIS_CI).
    """
    path = Path(os.environ.get("TAMIS_BUILD", TOP / "build" / "dev")) / name
    if not path.exists():
        if os.environ.get("TAMIS_CI"):
            pytest.fail(f"{path} is not built")
        pytest.skip(f"{path} is not built")
    return path
