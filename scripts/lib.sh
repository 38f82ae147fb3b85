# Shared by scripts/test, scripts/demo and .ci/run; sourced, not run. Sets TOP and BUILD_JOBS.
#
# Counting: every stage of a run adds lines "NAME PASSED FAILED SKIPPED" to $RESULTS through `record`, and the closing line is
# their sum. A stage that dies without saying so counts as one failure.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD_JOBS=$(nproc 2>/dev/null || echo 2)
TEST_JOBS=$((BUILD_JOBS < 8 ? BUILD_JOBS : 8)) # each has daemons with threads of their own
VENV=$TOP/.venv

say() { printf '\n== %s\n' "$*"; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# need_debian PACKAGE...: installs those that are missing. Touches neither root nor network when all are there.
need_debian() {
    command -v dpkg-query >/dev/null || die "this needs a Debian system with: $*"
    local package missing=()
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    say "installing Debian packages: ${missing[*]}"
    local root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "not root and no sudo; please install: ${missing[*]}"
        root=(sudo)
    fi
    # A list of packages that is a few hours old is fine; one that names files no longer there is not: then fetch it and try again.
    local install=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)
    "${install[@]}" "${missing[@]}" </dev/null >/dev/null 2>&1 && return 0
    "${root[@]}" apt-get update -q </dev/null || die "apt-get update failed"
    "${install[@]}" "${missing[@]}" </dev/null || die "could not install: ${missing[*]}"
}

BUILD_PACKAGES=(build-essential cmake ninja-build pkg-config libuv1-dev libmsgpack-dev libre2-dev zlib1g-dev libzstd-dev python3 python3-venv)
TEST_PACKAGES=(libcmocka-dev libsimdjson-dev libcsv-dev unicode-data zstd scdoc zsh fish)

# python_for_venv: a Python of at least 3.11 that can make environments: the one in PATH, or else Debian's.
python_for_venv() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "no Python 3.11 or later with venv"
}

# need_venv: .venv with the tools of scripts/requirements.txt. Needs the network only when that file has changed.
need_venv() {
    local stamp=$VENV/requirements.sum sum
    sum=$(sha256sum <"$TOP/scripts/requirements.txt")
    if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        say "making .venv with $(grep -v '^#' "$TOP/scripts/requirements.txt" | tr '\n' ' ')"
        rm -rf "$VENV"
        "$(python_for_venv)" -m venv "$VENV"
        "$VENV/bin/python" -m pip install -q --disable-pip-version-check -r "$TOP/scripts/requirements.txt" ||
            die "pip could not install the tools of scripts/requirements.txt"
        echo "$sum" >"$stamp"
    fi
    PATH=$VENV/bin:$PATH
    export PATH
}

# build PRESET [cmake argument...]: configures and builds build/PRESET. BUILD_DIR overrides the folder.
build() {
    local preset=$1 dir=${BUILD_DIR:-$TOP/build/$1}
    shift
    (cd "$TOP" && cmake --preset "$preset" -B "$dir" "$@" >"$TOP/build/$preset.configure.log" 2>&1) ||
        { cat "$TOP/build/$preset.configure.log"; return 1; }
    cmake --build "$dir" -j "$BUILD_JOBS" -- --quiet
}

# tree_files FOLDER...: the project's own files in them, by git where there is a repository.
tree_files() {
    if git -C "$TOP" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        (cd "$TOP" && git ls-files -co --exclude-standard -- "$@")
    else
        (cd "$TOP" && find "$@" -type d \( -name '.*' -o -name build -o -name __pycache__ \) -prune -o -type f -print)
    fi | while read -r file; do
        [ ! -f "$TOP/$file" ] || echo "$file"
    done
}

record() { printf '%s %d %d %d\n' "$1" "$2" "$3" "$4" >>"$RESULTS"; }

# check NAME COMMAND...: a stage that is one check: passed or failed by its exit code.
check() {
    local name=$1
    shift
    say "$name"
    if "$@"; then
        record "$name" 1 0 0
    else
        echo "FAILED: $name"
        record "$name" 0 1 0
        return 1
    fi
}

# junit NAME EXIT_CODE FILE [--skips-fail]: records what a JUnit file counts; a run that died without one is a failure.
junit() {
    local name=$1 code=$2 file=$3
    shift 3
    record "$name" $(python3 "$TOP/scripts/junit_counts.py" "$file" "$code" "$@")
}

# run_ctest NAME BUILD_DIR [ctest argument...]
run_ctest() {
    local name=$1 dir=$2 file code=0
    shift 2
    say "$name"
    file=$dir/$name.junit.xml
    rm -f "$file"
    ctest --test-dir "$dir" --output-on-failure --no-tests=error -j "$BUILD_JOBS" --output-junit "$file" "$@" </dev/null || code=$?
    junit "$name" "$code" "$file" ${SKIPS_FAIL:+--skips-fail}
}

# run_pytest NAME BUILD_DIR PATH...: those of the paths that exist, against the tamisd of that build, TEST_JOBS at once.
run_pytest() {
    local name=$1 dir=$2 file code=0 path paths=()
    shift 2
    say "$name"
    for path in "$@"; do
        [[ $path == -* || -e $TOP/$path ]] && paths+=("$path")
    done
    file=$dir/$name.junit.xml
    rm -f "$file"
    (cd "$TOP" && TAMISD=$dir/tamisd TAMIS_BUILD=$dir PYTHONPATH=$TOP/clients/python${PYTHONPATH:+:$PYTHONPATH} \
        timeout --foreground -k 10 "${PYTEST_SECONDS:-2400}" python -m pytest -q -ra -n "$TEST_JOBS" --dist worksteal \
        --durations 8 --junitxml "$file" "${paths[@]}" </dev/null) || code=$?
    junit "$name" "$code" "$file" ${SKIPS_FAIL:+--skips-fail}
}

# totals: prints the table of $RESULTS; sets PASSED, FAILED and SKIPPED.
totals() {
    PASSED=0 FAILED=0 SKIPPED=0
    local name passed failed skipped
    printf '\n%-24s %8s %8s %8s\n' stage passed failed skipped
    while read -r name passed failed skipped; do
        printf '%-24s %8d %8d %8d\n' "$name" "$passed" "$failed" "$skipped"
        PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
    done <"$RESULTS"
}
