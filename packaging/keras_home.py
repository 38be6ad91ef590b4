"""Runs before the frozen program: gives Keras a folder of its own for settings, beside the program's other caches.

Otherwise Keras would read what another program wrote into ``~/.keras``, where another engine may be chosen that is not
in the bundle, or make that folder, which nothing removes.
"""

import os
import sys


def keras_home() -> str:
    """Return the folder; it lies where `platformdirs` has the program's cache, which is not imported for one path."""
    home = os.path.expanduser("~")  # noqa: PTH111 - before the start of everything each import counts
    if sys.platform == "win32":
        place = os.path.join(os.environ.get("LOCALAPPDATA") or home, "resnext-gui", "Cache")  # noqa: PTH118
    elif sys.platform == "darwin":
        place = os.path.join(home, "Library", "Caches", "resnext-gui")  # noqa: PTH118
    else:
        caches = os.environ.get("XDG_CACHE_HOME", "").strip()
        place = os.path.join(caches or os.path.join(home, ".cache"), "resnext-gui")  # noqa: PTH118
    return os.path.join(place, "keras")  # noqa: PTH118


if __name__ == "__main__":
    os.environ["KERAS_HOME"] = keras_home()
