#!/usr/bin/env bash
# Installs the packages of Debian 12 and Ubuntu 24.04 that are missing.
#   deploy/packages.sh build    to build and run
#   deploy/packages.sh test     to test besides
#   deploy/packages.sh look     to look at the client besides, where there is no display
set -euo pipefail
build=(build-essential pkg-config libfontconfig-dev libasound2-dev cmake curl python3 ca-certificates
    libfontconfig1 libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon0 libxkbcommon-x11-0 libwayland-client0
    fonts-noto-core fonts-noto-color-emoji xdg-utils)
test=(postgresql python3-pip xvfb xauth at-spi2-core dbus openbox xclip xdotool zenity
    python3-click python3-click-option-group python3-dnspython python3-requests python3-requests-unixsocket
    python3-tabulate python3-yaml python3-atomicwrites)
# Ubuntu has Chromium as a snap only, which no test can drive: there the web client is left out.
! grep -q '^ID=debian$' /etc/os-release 2>/dev/null || test+=(chromium-headless-shell)
look=(imagemagick)
case ${1:-build} in
build) wanted=("${build[@]}") ;;
test) wanted=("${build[@]}" "${test[@]}") ;;
look) wanted=("${build[@]}" "${test[@]}" "${look[@]}") ;;
*) echo "usage: $0 build|test|look" >&2; exit 2 ;;
esac
if ! command -v apt-get >/dev/null; then
    echo "This is neither Debian nor Ubuntu: see to it that what they call ${wanted[*]} is installed." >&2
    exit 0
fi
missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
root=()
if [ "$(id -u)" != 0 ]; then
    root=(sudo)
    if ! command -v sudo >/dev/null; then
        echo "Packages are missing and there is no sudo. Run as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi
echo "Installing: ${missing[*]}"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
