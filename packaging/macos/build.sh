#!/usr/bin/env bash
# Builds ResNeXt GUI.app and a .dmg on macOS 13 or newer (Apple silicon), from nothing but this source tree:
#   bash packaging/macos/build.sh
# Signing and notarisation happen where these are set; otherwise the program is signed for this computer only:
#   RESNEXT_GUI_SIGN_AS      "Developer ID Application: NAME (TEAM)", in the keychain
#   RESNEXT_GUI_NOTARY       a profile stored by:  xcrun notarytool store-credentials PROFILE
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
RESNEXT_GUI_BUILD=${RESNEXT_GUI_BUILD:-$here/../../build}
mkdir -p "$RESNEXT_GUI_BUILD"
RESNEXT_GUI_BUILD=$(cd "$RESNEXT_GUI_BUILD" && pwd)
RESNEXT_GUI_VENV=$RESNEXT_GUI_BUILD/venv
# shellcheck source=packaging/common.sh
. "$here/../common.sh"
[ "$(uname -s)" = Darwin ] || fail "this script builds on macOS"
[ "$(uname -m)" = arm64 ] || fail "TensorFlow is made for Apple silicon only; this computer has an Intel processor"
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$root/resnext_gui/__init__.py")
dist=$root/dist
app="$dist/ResNeXt GUI.app"
image=$dist/resnext-gui-$version-macos-arm64.dmg
mkdir -p "$dist" "$root/build"

stamp=$venv/.stamp
wanted=$(cat "$root"/packaging/requirements.txt "$root"/packaging/requirements-frozen-other.txt | cksum)
fits "$python" || make_venv
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  pip_install -r "$root/packaging/requirements-frozen-other.txt" || fail "The pinned packages could not be installed."
  printf '%s' "$wanted" >"$stamp"
fi

"$python" "$root/packaging/icons.py" --icns "$root/build/app.icns"
rm -rf "$app" "$dist/resnext-gui"
"$python" -m PyInstaller --noconfirm --log-level ERROR --distpath "$dist" --workpath "$RESNEXT_GUI_BUILD/work" \
  "$root/packaging/resnext_gui.spec" || fail "PyInstaller could not make the program."
"$python" "$root/packaging/trim.py" "$app"
"$python" "$root/packaging/notices.py" "$app/Contents/Resources/THIRD-PARTY-NOTICES.txt"

# The outside last: a signature covers what is inside.
identity=${RESNEXT_GUI_SIGN_AS:--}
options=(--force --sign "$identity")
[ "$identity" = - ] || options+=(--options runtime --timestamp)
find "$app/Contents" -type f \( -name '*.dylib' -o -name '*.so' \) -print0 | xargs -0 -n 50 codesign "${options[@]}"
codesign "${options[@]}" --entitlements "$here/entitlements.plist" "$app/Contents/MacOS/resnext-gui"
codesign "${options[@]}" --entitlements "$here/entitlements.plist" "$app"
codesign --verify --deep --strict "$app"
"$app/Contents/MacOS/resnext-gui" --self-test || fail "the program does not work"

stage=$RESNEXT_GUI_BUILD/dmg
rm -rf "$stage" "$image"
mkdir -p "$stage"
cp -R "$app" "$stage/"
ln -s /Applications "$stage/Applications"
hdiutil create -quiet -volname "ResNeXt GUI" -srcfolder "$stage" -fs HFS+ -format ULMO "$image"
rm -rf "$stage"
if [ "$identity" != - ]; then
  codesign --sign "$identity" --timestamp "$image"
  if [ -n "${RESNEXT_GUI_NOTARY:-}" ]; then
    xcrun notarytool submit "$image" --keychain-profile "$RESNEXT_GUI_NOTARY" --wait
    xcrun stapler staple "$image"
    spctl --assess --type open --context context:primary-signature -v "$image"
  fi
fi
say "$image has $(($(stat -f %z "$image") / 1000000)) MB"
