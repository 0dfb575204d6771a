#!/usr/bin/env bash
# Installs the Debian packages that are missing.
#   deploy/packages.sh build    to build and run
#   deploy/packages.sh test     to test besides
set -euo pipefail
build=(build-essential pkg-config cmake libfontconfig-dev curl python3 ca-certificates
    libfontconfig1 libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon0 libxkbcommon-x11-0
    fonts-noto-core fonts-noto-color-emoji xdg-utils)
test=(postgresql xvfb xdotool imagemagick)
case ${1:-build} in
build) wanted=("${build[@]}") ;;
test) wanted=("${build[@]}" "${test[@]}") ;;
*) echo "usage: $0 build|test" >&2; exit 2 ;;
esac
missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "installing: ${missing[*]}"
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)
"${sudo[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
