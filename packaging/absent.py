"""Runs before the frozen program: stands in for large modules that others import and never use.

``pyqtgraph`` can draw on OpenGL, which the program does not ask for; TensorFlow can send its profile over a network.
Both import what they would need for it at once, 33 MB in all.  What stands here has the same names and nothing behind
them: whoever did use one would get an error that says so.
"""

import sys
from types import ModuleType

ABSENT = (
    "PySide6.QtOpenGL",
    "PySide6.QtOpenGLWidgets",
    "tensorflow.python.profiler.internal._pywrap_profiler_plugin",
)
"""The recipe leaves these out of the bundle."""
CLASSES = {"PySide6.QtOpenGLWidgets": ("QOpenGLWidget",)}
"""Those that are inherited from, or asked about, at import."""


class _Absent(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # what Python itself asks of every module
            raise AttributeError(name)
        raise NotImplementedError(f"{self.__name__}.{name} is not in this bundle")


def stand_in() -> None:
    """Put the stand-ins where an import finds them."""
    for name in ABSENT:
        module = _Absent(name, "Not in this bundle.")
        for part in CLASSES.get(name, ()):
            setattr(module, part, type(part, (), {}))
        sys.modules[name] = module


if __name__ == "__main__":
    stand_in()
