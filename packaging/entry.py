"""The first file of the frozen program: everything else is in the package."""

import sys

from resnext_gui.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
