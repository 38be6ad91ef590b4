#!/usr/bin/env bash
# Starts the program; the first time it makes an environment in .venv and installs what is needed.
#   bash packaging/run.sh                the window (without a display: the demonstration)
#   bash packaging/run.sh train ...      the command line, see --help
set -u
# shellcheck source=packaging/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

prepare requirements.txt
if [ $# = 0 ] && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  # shellcheck disable=SC2086
  need_system_packages "the window" $window_packages
fi
exec "$python" -P -m resnext_gui "$@" # -P: no modules from the folder that the person is in
