# shellcheck shell=bash disable=SC2034,SC2209
# Shared by run.sh and test.sh: finds Python, makes the environment in .venv, installs pinned packages.
# Meant to be sourced by bash.  Sets: root (the project), python (the environment's interpreter).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${RESNEXT_GUI_VENV:-$root/.venv}
python=$venv/bin/python

say() { printf '%s\n' "$*" >&2; }
fail() { say "resnext-gui: $1"; shift; for line in "$@"; do say "  $line"; done; exit 1; }

# ---- system packages (Debian, Ubuntu and their like)

window_packages="libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1
  libxcb-image0 libxcb-render-util0 libxcb-randr0 libxcb-xinerama0 libdbus-1-3 libfontconfig1 libglib2.0-0 fonts-dejavu-core"
test_packages="$window_packages xvfb xdotool"

as_root=
if [ "$(id -u)" = 0 ]; then as_root=env
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo -n env"
fi

# missing_packages NAME...: prints those that dpkg does not know as installed.
missing_packages() {
  local known name
  # A library may live on under a new name that provides the old one (libglib2.0-0t64): count that as installed.
  known=" $(dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Provides}\n' 2>/dev/null |
    awk -F'|' '$1 ~ /^ii/ { gsub(/\([^)]*\)/, "", $3); gsub(/,/, " ", $3); print $2, $3 }' | tr '\n' ' ') "
  for name in "$@"; do
    case $known in *" $name "*) ;; *) printf '%s ' "$name" ;; esac
  done
}

apt_updated=
apt_install() { # NAME...: installs system packages; returns whether that worked
  [ -n "$as_root" ] || return 1
  if [ -z "$apt_updated" ]; then
    $as_root DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >&2 || say "The list of system packages could not be refreshed."
    apt_updated=yes
  fi
  $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

need_system_packages() { # WHAT_FOR NAME...: installs what is missing, or says how; never fatal
  local what=$1 missing
  shift
  command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1 || return 0
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "Installing system libraries for $what: $missing"
  # shellcheck disable=SC2086
  if ! apt_install $missing; then
    say "These system libraries for $what could not be installed: $missing"
    say "  An administrator can install them:  apt-get install $missing"
  fi
}

# ---- Python

fits() { # PROGRAM: is it a 64-bit Python 3.11, 3.12 or 3.13?
  command -v "$1" >/dev/null 2>&1 &&
    "$1" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.maxsize > 2**32))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${RESNEXT_GUI_PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if fits "$candidate"; then command -v "$candidate"; return 0; fi
  done
  return 1
}

have_python() { # sets base_python
  local version
  if base_python=$(find_python); then return; fi
  if command -v apt-get >/dev/null 2>&1; then
    say "Installing Python"
    for version in python3 python3.13 python3.12 python3.11; do
      apt_install "$version" "$version-venv" 2>/dev/null
      if base_python=$(find_python); then return; fi
    done
  fi
  fail "Python 3.11, 3.12 or 3.13 (64 bit) is needed and was not found." \
    "Install one of them, or name it: RESNEXT_GUI_PYTHON=/path/to/python3.12"
}

make_venv() {
  local version
  have_python
  version=$("$base_python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  say "Making an environment with $version in $venv"
  rm -rf "$venv"
  if ! "$base_python" -c 'import ensurepip' 2>/dev/null && command -v apt-get >/dev/null 2>&1; then
    apt_install "$version-venv" || apt_install python3-venv
  fi
  if "$base_python" -m venv "$venv" >/dev/null 2>&1; then return; fi
  # Debian's Python without its venv package: an outside pip can fill an environment as well.
  if "$base_python" -m pip --version >/dev/null 2>&1 && "$base_python" -m venv --without-pip "$venv" >/dev/null 2>&1 &&
    "$base_python" -m pip --python "$python" install -q pip; then return; fi
  rm -rf "$venv"
  fail "$version cannot make a virtual environment in $venv." \
    "If the folder can be written to, its venv module is missing:  apt-get install $version-venv" \
    "Another place for the environment:  RESNEXT_GUI_VENV=/path/of/a/folder bash ..."
}

# ---- Python packages

pip_install() { "$python" -m pip install --disable-pip-version-check -qq "$@" </dev/null; }

nvidia() { # is there an NVIDIA driver?
  [ "$(uname -s)" = Linux ] && { [ -e /proc/driver/nvidia/version ] || nvidia-smi -L >/dev/null 2>&1; }
}

# The command `resnext-gui` of the environment.  With -P, since Python would else look for modules in the folder that the
# person is in, and run a photograph collection's random.py.
make_command() {
  printf '#!/usr/bin/env bash\nexec %q -P -m resnext_gui "$@"\n' "$python" >"$venv/bin/resnext-gui" &&
    chmod +x "$venv/bin/resnext-gui"
}

# prepare LIST...: makes sure that the environment holds the named lists of packages, quickly where it already does.
prepare() {
  local lists=() name stamp wanted gpu=cpu
  for name in "$@"; do lists+=(-r "$root/packaging/$name"); done
  nvidia && gpu=gpu
  mkdir -p "$(dirname "$venv")" 2>/dev/null
  # Two starts at once must not fill one environment together.
  if command -v flock >/dev/null 2>&1 && exec 9>"$venv.lock"; then flock 9; fi 2>/dev/null
  fits "$python" || make_venv
  stamp=$venv/.resnext-gui-$(printf '%s-' "$@" | tr -c 'a-z0-9-' '-')stamp
  wanted="$(cat "$root"/packaging/requirements*.txt "$root/packaging/common.sh" | cksum) $gpu $root"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    say "Installing Python packages (several hundred MB the first time; a few minutes)"
    pip_install "${lists[@]}" || fail "The Python packages could not be installed; the reason stands above." \
      "Without internet, pip's own settings can name a mirror or a folder of packages." \
      "About 4 GB must be free on the drive of $venv."
    if [ "$gpu" = gpu ]; then
      say "An NVIDIA driver was found: installing the libraries for it (about 3 GB)"
      pip_install "${lists[@]}" -r "$root/packaging/requirements-gpu.txt" ||
        say "They could not be installed, so the processor computes. To try again, remove the folder $venv."
    fi
    # The environment finds the program where it lies, from any folder.
    printf '%s\n' "$root" >"$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/resnext_gui_source.pth"
    make_command
    if declare -F after_install >/dev/null; then after_install; fi
    printf '%s' "$wanted" >"$stamp"
  fi
  exec 9>&- 2>/dev/null || true
}
