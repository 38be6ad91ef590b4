# shellcheck shell=bash disable=SC2154
# Sourced by build.sh: makes the Debian package of the bundle.

# An address that nobody reads, until a distribution of packages names a person.
maintainer=${RESNEXT_GUI_MAINTAINER:-The ResNeXt GUI founders <resnext-gui@users.noreply.github.com>}

make_deb() {
  local stage=$RESNEXT_GUI_BUILD/deb share doc depends glibc file size megabytes
  rm -rf "$stage"
  share=$stage/usr/share
  doc=$share/doc/resnext-gui
  mkdir -p "$stage/DEBIAN" "$stage/usr/bin" "$doc" "$share/applications" "$share/metainfo" "$share/mime/packages" \
    "$share/man/man1" "$share/lintian/overrides" "$share/icons/hicolor/scalable/apps"
  lay_out "$stage/usr"
  # Licences and notices belong where Debian's users look for them.
  rm -f "$stage/usr/lib/resnext-gui/_internal/LICENSE" "$stage/usr/lib/resnext-gui/THIRD-PARTY-NOTICES.txt"
  gzip -9nc "$bundle/THIRD-PARTY-NOTICES.txt" >"$doc/THIRD-PARTY-NOTICES.txt.gz"
  install -m 644 "$here/linux/copyright" "$doc/copyright"
  printf 'resnext-gui (%s) stable; urgency=medium\n\n  * Release %s.\n\n -- %s  %s\n' \
    "$version" "$version" "$maintainer" "$(date -uR -d "@$epoch")" | gzip -9nc >"$doc/changelog.gz"
  launcher "$stage/usr/bin/resnext-gui"
  install -m 644 "$here/linux/resnext-gui.desktop" "$share/applications/"
  fill_in "$here/linux/resnext-gui.metainfo.xml" >"$share/metainfo/org.resnextgui.ResNeXtGUI.metainfo.xml"
  install -m 644 "$here/linux/resnext-gui.mime.xml" "$share/mime/packages/resnext-gui.xml"
  gzip -9nc "$here/linux/resnext-gui.1" >"$share/man/man1/resnext-gui.1.gz"
  install -m 644 "$here/linux/lintian-overrides" "$share/lintian/overrides/resnext-gui"
  install -m 644 "$root/assets/icons/app.svg" "$share/icons/hicolor/scalable/apps/resnext-gui.svg"
  for size in 16 22 24 32 48 64 96 128 256 512; do
    mkdir -p "$share/icons/hicolor/${size}x$size/apps"
    install -m 644 "$root/assets/icons/app-$size.png" "$share/icons/hicolor/${size}x$size/apps/resnext-gui.png"
  done
  chmod 644 "$doc"/* "$share/man/man1"/* "$share/metainfo"/*
  find "$stage/usr/lib/resnext-gui" -type f ! -name resnext-gui -exec chmod 644 {} +
  glibc=$(sed -n 's/.*"glibc": "\(.*\)".*/\1/p' "$bundle.needs.json")
  depends=$(sed -n 's/^ *"\(lib[^"]*\|zlib1g\)",\{0,1\}$/\1/p' "$bundle.needs.json" | sed "s/^libc6\$/libc6 (>= $glibc)/" | paste -sd, | sed 's/,/, /g')
  cat >"$stage/DEBIAN/control" <<END
Package: resnext-gui
Version: $version
Architecture: amd64
Maintainer: $maintainer
Installed-Size: $(du -sk "$stage/usr" | cut -f1)
Depends: $depends
Recommends: fonts-dejavu-core | fonts-noto-core, shared-mime-info, xdg-utils
Section: graphics
Priority: optional
Description: teach this computer to tell your photographs apart
 Drop a folder of labelled photographs on the window, and within seconds you
 have a classifier; a ResNeXt learns on behind it. Drop any picture on the
 window and read what it shows, and how far to trust the answer.
 .
 Nothing is uploaded. No internet and no graphics card are needed.
END
  # dpkg itself names a missing library's version; this says it in words, and also where Depends was overruled.
  cat >"$stage/DEBIAN/preinst" <<END
#!/bin/sh
set -e
if [ "\$1" = install ] || [ "\$1" = upgrade ]; then
  have=\$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc //p')
  if [ -z "\$have" ] || dpkg --compare-versions "\$have" lt "$glibc"; then
    echo "ResNeXt GUI needs glibc $glibc or newer (Debian 12, Ubuntu 22.04); this system has \${have:-none}." >&2
    exit 1
  fi
fi
END
  chmod 755 "$stage/DEBIAN/preinst"
  install -m 755 "$here/linux/prerm" "$stage/DEBIAN/prerm"
  (cd "$stage" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  find "$stage" -type d -exec chmod 755 {} +
  find "$stage" -exec touch -h -d "@$epoch" {} +
  file=$dist/resnext-gui_${version}_amd64.deb
  say "Packing $(basename "$file")"
  # Level 6 takes more than twice as long and saves a twentieth.
  dpkg-deb --root-owner-group -Zxz -z2 --build "$stage" "$file" >/dev/null
  rm -rf "$stage"
  megabytes=$(($(stat -c %s "$file") / 1000000))
  [ "$megabytes" -le $((270 + more)) ] || fail "the package has $megabytes MB; at most $((270 + more)) are allowed"
  say "$(basename "$file") has $megabytes MB"
}
