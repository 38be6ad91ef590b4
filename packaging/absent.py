"""Runs before the frozen program: stands in for a large module that others import and never use.

TensorFlow can send its profile over a network, and imports what it would need for it at once, which is large.  What
stands here has the same name and nothing behind it: whoever did use it would get an error that says so.
"""

import sys
from types import ModuleType

ABSENT = ("tensorflow.python.profiler.internal._pywrap_profiler_plugin",)
"""The recipe leaves these out of the bundle."""


class _Absent(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # what Python itself asks of every module
            raise AttributeError(name)
        raise NotImplementedError(f"{self.__name__}.{name} is not in this bundle")


def stand_in() -> None:
    """Put the stand-ins where an import finds them."""
    for name in ABSENT:
        sys.modules[name] = _Absent(name, "Not in this bundle.")


if __name__ == "__main__":
    stand_in()
