#!/bin/sh
# container-root.sh EXECUTABLE DIRECTORY: makes DIRECTORY the root file system of an image that holds the standalone executable,
# the parts of the C library that it is linked with, and nothing else.
set -eu
executable=$1 root=$2
mkdir -p "$root/usr/sbin"
cp "$executable" "$root/usr/sbin/conntrack"
chmod 755 "$root/usr/sbin/conntrack"
ldd "$executable" | grep -o '/[^ ]*' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
