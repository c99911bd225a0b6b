#!/bin/sh
# The system libraries that Open3D loads: found, or installed where this user may, or named.
[ "$(uname -s)" = Linux ] || exit 0
missing=""
for pair in libusb-1.0.so.0:libusb-1.0-0 libGL.so.1:libgl1 libEGL.so.1:libegl1 libgomp.so.1:libgomp1; do
    /sbin/ldconfig -p | grep -q "${pair%%:*}" || missing="$missing ${pair#*:}"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -q && apt-get install -y -q --no-install-recommends $missing
elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
    sudo apt-get update -q && sudo apt-get install -y -q --no-install-recommends $missing
else
    echo "The 3D viewer needs system libraries; install them and run make again:" >&2
    echo "    sudo apt-get install$missing   (or your distribution's packages of the same libraries)" >&2
    exit 1
fi
