#!/usr/bin/env bash
# Builds the installers on Linux, from nothing but this source tree, and tests what it built:
#   bash packaging/build.sh               bundle, self-test, .deb and .tar.zst in dist/
#   bash packaging/build.sh bundle        only the bundle dist/resnext-gui (and its self-test)
#   bash packaging/build.sh packages      .deb and .tar.zst of the bundle that is there
#   bash packaging/build.sh appimage      an AppImage of it (needs appimagetool)
# RESNEXT_GUI_BUILD names another folder for the environment and what comes between (3 GB; default: build/).
# Needs Debian 12, Ubuntu 22.04 or newer with Python 3.11 to 3.13; system packages are installed where that is allowed.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
RESNEXT_GUI_BUILD=${RESNEXT_GUI_BUILD:-$here/../build}
mkdir -p "$RESNEXT_GUI_BUILD"
RESNEXT_GUI_BUILD=$(cd "$RESNEXT_GUI_BUILD" && pwd)
RESNEXT_GUI_VENV=${RESNEXT_GUI_BUILD_VENV:-$RESNEXT_GUI_BUILD/venv}
# shellcheck source=packaging/common.sh
. "$here/common.sh"

what=${1:-all}
case $what in all | bundle | packages | appimage) ;; *) fail "there is no '$what' to build" "all, bundle, packages or appimage" ;; esac
[ "$(uname -s)" = Linux ] || fail "this script builds on Linux" "On Windows: packaging/build.ps1; on macOS: packaging/macos/build.sh"
dist=${RESNEXT_GUI_DIST:-$root/dist}
bundle=$dist/resnext-gui
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$root/resnext_gui/__init__.py")
[ -n "$version" ] || fail "resnext_gui/__init__.py names no version"
mkdir -p "$dist"
# Default weights, where packaging/fetch_weights.py has put them, come on top of what is allowed.
more=$(find "$root/assets/weights" -name 'resnext50*.safetensors' -exec du -c --block-size=1MB {} + | tail -n 1 | cut -f1)
more=${more:-0}

make_environment() {
  local stamp=$venv/.stamp wanted
  # shellcheck disable=SC2086
  need_system_packages "the build" $window_packages binutils zstd xz-utils ca-certificates
  fits "$python" || make_venv
  wanted=$(cksum <"$here/requirements-frozen-linux.txt")
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    say "Installing pinned packages into $venv"
    pip_install -r "$here/requirements-frozen-linux.txt" || fail "The pinned packages could not be installed; the reason stands above."
    printf '%s' "$wanted" >"$stamp"
  fi
  # Debian keeps Python's shared library, which the bundle carries, in a package of its own.
  if [ -z "$("$python" -c 'import sysconfig as s, pathlib as p; f = p.Path(s.get_config_var("LIBDIR")); print(*f.rglob(s.get_config_var("INSTSONAME") or "-"), sep="")')" ]; then
    apt_install "lib$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')" ||
      fail "This Python has no shared library; install libpython3, or take another with RESNEXT_GUI_PYTHON"
  fi
}

make_bundle() {
  make_environment
  say "Freezing (some minutes)"
  rm -rf "$bundle"
  "$python" -m PyInstaller --noconfirm --log-level ERROR --distpath "$dist" --workpath "$RESNEXT_GUI_BUILD/work" \
    "$here/resnext_gui.spec" || fail "PyInstaller could not make the bundle; the reason stands above."
  "$python" "$here/trim.py" "$bundle"
  "$python" "$here/notices.py" "$bundle/THIRD-PARTY-NOTICES.txt" "$bundle"
  megabytes=$(du -s --block-size=1MB "$bundle" | cut -f1)
  [ "$megabytes" -le $((930 + more)) ] || fail "the bundle has $megabytes MB; at most $((930 + more)) are allowed"
  say "The bundle has $megabytes MB. Its self-test:"
  env -u PYTHONPATH -u PYTHONHOME "$bundle/resnext-gui" --self-test || fail "the bundle does not work"
}

# lay_out FOLDER PREFIX: a copy of the bundle and the launcher, hard-linked where the drive allows
lay_out() {
  local folder=$1
  mkdir -p "$folder/lib"
  cp -al "$bundle" "$folder/lib/resnext-gui" 2>/dev/null || cp -a "$bundle" "$folder/lib/resnext-gui"
  chmod -R u+w,go+rX,go-w "$folder/lib/resnext-gui"
}

launcher() { # FILE: writes the launcher
  local glibc
  glibc=$(sed -n 's/.*"glibc": "\(.*\)".*/\1/p' "$bundle.needs.json")
  sed "s/@GLIBC@/$glibc/" "$here/linux/resnext-gui.sh" >"$1"
  chmod 755 "$1"
}

make_portable() {
  local name=resnext-gui-$version-linux-x86_64 stage=$RESNEXT_GUI_BUILD/portable
  rm -rf "$stage"
  lay_out "$stage/$name"
  launcher "$stage/$name/resnext-gui"
  cp "$root/LICENSE" "$here/linux/README.txt" "$stage/$name/"
  cp "$root/assets/icons/app-256.png" "$stage/$name/resnext-gui.png"
  say "Packing $name.tar.zst"
  tar -C "$stage" --owner=0 --group=0 --sort=name -cf - "$name" | zstd -q -f -10 -T0 -o "$dist/$name.tar.zst"
  rm -rf "$stage"
}

make_appimage() {
  command -v appimagetool >/dev/null 2>&1 || fail "appimagetool was not found" "It packs the folder that packaging/linux/AppRun describes; see https://appimage.github.io"
  local stage=$RESNEXT_GUI_BUILD/ResNeXt_GUI.AppDir
  rm -rf "$stage"
  lay_out "$stage/usr"
  mkdir -p "$stage/usr/bin" "$stage/usr/share/metainfo"
  launcher "$stage/usr/bin/resnext-gui"
  install -m 755 "$here/linux/AppRun" "$stage/AppRun"
  cp "$here/linux/resnext-gui.desktop" "$stage/"
  cp "$root/assets/icons/app-256.png" "$stage/resnext-gui.png"
  fill_in "$here/linux/resnext-gui.metainfo.xml" >"$stage/usr/share/metainfo/resnext-gui.appdata.xml"
  ARCH=x86_64 VERSION=$version appimagetool "$stage" "$dist/ResNeXt_GUI-$version-x86_64.AppImage"
  rm -rf "$stage"
}

fill_in() { sed "s/@VERSION@/$version/; s/@DATE@/$(date -u -d "@$epoch" +%F)/" "$1"; }
# One date for everything in the packages: the same source gives the same files.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH=$epoch

case $what in all | bundle) make_bundle ;; esac
[ -x "$bundle/resnext-gui" ] || fail "there is no bundle in $bundle yet" "bash packaging/build.sh bundle"
case $what in
  all | packages)
    # shellcheck source=packaging/linux/deb.sh
    . "$here/linux/deb.sh"
    make_deb
    make_portable
    ;;
  appimage) make_appimage ;;
esac
[ "$what" = bundle ] || (cd "$dist" && for file in *.deb *.tar.zst *.AppImage; do [ -e "$file" ] && sha256sum "$file"; done >SHA256SUMS; cat SHA256SUMS)
