#!/usr/bin/env bash
# Runs the tests; the first time it makes an environment in .venv and installs what is needed.
#   bash packaging/test.sh               all of them
#   bash packaging/test.sh -k folders    arguments go to pytest
set -u
# shellcheck source=packaging/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

after_install() {
  # The reference: taken where pip finds a build on this computer, since it is large; its tests are skipped elsewhere.
  pip_install --no-index torch==2.13.0 2>/dev/null ||
    say "PyTorch is not at hand on this computer: the tests against it will be skipped."
}

prepare requirements.txt requirements-dev.txt
# shellcheck disable=SC2086
need_system_packages "the tests" $test_packages
cd "$root" || exit 1
export QT_QPA_PLATFORM=${QT_QPA_PLATFORM:-offscreen}
# Two at a time, file by file; -n 0 runs them one after the other, as a debugger needs it.
exec "$python" -m pytest -n 2 --dist loadfile "$@"
