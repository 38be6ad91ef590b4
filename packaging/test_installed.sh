#!/usr/bin/env bash
# Tests a program that is installed already, as people use it: its self-test, its command line, its window.
#   bash packaging/test_installed.sh                         the command resnext-gui
#   bash packaging/test_installed.sh dist/resnext-gui/resnext-gui [PYTEST'S ARGUMENTS]
# The tests come from this source tree; the program under test sees nothing of it.
set -u
# shellcheck source=packaging/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

program=${1:-resnext-gui}
[ $# = 0 ] || shift
program=$(command -v "$program") || fail "there is no program '$program'" "Install the package first, or name the program."
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")

prepare requirements.txt requirements-dev.txt
# shellcheck disable=SC2086
need_system_packages "the tests" $test_packages
cd "$root" || exit 1
"$program" --self-test || exit 1
export RESNEXT_GUI_PROGRAM=$program QT_QPA_PLATFORM=offscreen
exec "$python" -m pytest tests/e2e/test_command_line.py tests/e2e/test_installed_window.py "$@"
