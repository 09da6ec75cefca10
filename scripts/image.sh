#!/usr/bin/env bash
# image.sh ARCHIVE [REFERENCE]: makes an image archive of Debian's busybox-static.
. "$(dirname "$0")/common.sh"

archive=${1:?where to put the archive}
reference=${2:-docker.io/library/busybox:1.35}
packages /bin/busybox:busybox-static
ldd /bin/busybox >/dev/null 2>&1 && packages /nonexistent:busybox-static
mkdir -p "$(dirname "$archive")"
# It appears whole, by a rename: the server imports what appears.
cargo build --quiet --locked --workspace --example make_image
"target/$TRIPLE/debug/examples/make_image" --output "$archive" --tag "$reference"
