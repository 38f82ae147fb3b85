#!/bin/sh
# The case mapping table of the tree is what scripts/gen-casemap makes of Unicode's file.
# Exit status 77, "skipped", where Debian's package unicode-data is not installed.
set -eu
file=/usr/share/unicode/UnicodeData.txt
if [ ! -r "$file" ]; then
    echo "skipped: no $file (package unicode-data)"
    exit 77
fi
exec python3 "$(dirname "$0")/../../scripts/gen-casemap" --check "$file"
