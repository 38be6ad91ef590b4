#!/bin/sh
# Starts the program, or says in plain words why this computer cannot run it.
# Works wherever the folder lies: beside it (portable), or with the program in /usr/lib/resnext-gui (installed).
needed=@GLIBC@

here=$(dirname "$(readlink -f "$0")")
for place in "$here/lib/resnext-gui" "$here/../lib/resnext-gui"; do
  if [ -x "$place/resnext-gui" ]; then program=$place/resnext-gui; break; fi
done

refuse() {
  echo "resnext-gui: $1" >&2
  # Who double-clicked sees no terminal.
  if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && [ ! -t 2 ]; then
    if command -v zenity >/dev/null 2>&1; then zenity --error --title="ResNeXt GUI" --text="$1"
    elif command -v kdialog >/dev/null 2>&1; then kdialog --title "ResNeXt GUI" --error "$1"
    elif command -v xmessage >/dev/null 2>&1; then xmessage -center "$1"
    fi
  fi
  exit 1
}

[ -n "${program:-}" ] || refuse "The program's folder is incomplete. Install it again."
[ "$(uname -m)" = x86_64 ] || refuse "This program is for 64-bit Intel and AMD processors; this computer has another ($(uname -m))."
# Prints the system library's version, such as 2.36; nothing where it is another library.
have=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
[ -n "$have" ] || refuse "This Linux has no GNU C library, which the program needs (version $needed or newer)."
if [ "${have%%.*}" -lt "${needed%%.*}" ] || { [ "${have%%.*}" -eq "${needed%%.*}" ] && [ "${have#*.}" -lt "${needed#*.}" ]; }; then
  refuse "This Linux is too old for the program: it has glibc $have, and version $needed or newer is needed (Debian 12, Ubuntu 22.04, Fedora 36, or newer)."
fi
grep -q -m1 '^flags.* avx' /proc/cpuinfo 2>/dev/null || refuse "This computer's processor is too old for the program: it has no AVX instructions (most processors since 2011 have)."
exec "$program" "$@"
