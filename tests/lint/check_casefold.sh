#!/bin/sh
# The case folding table of the tree is what scripts/gen-casefold makes of Unicode's file.
# Exit status 77, "skipped", where Debian's package unicode-data is not installed.
set -eu
file=/usr/share/unicode/CaseFolding.txt
if [ ! -r "$file" ]; then
    echo "skipped: no $file (package unicode-data)"
    exit 77
fi
exec python3 "$(dirname "$0")/../../scripts/gen-casefold" --check "$file"
