#!/usr/bin/env bash
# The one check: packages, format, lints, licences, and every test on both engines.
#   deploy/test.sh           everything
#   deploy/test.sh servers   the server and the games, without the black-box tests, the client and licences
#   deploy/test.sh compiles  format, that the servers compile, and the direction of imports
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/parta/target}
# Whole programs are built once; half-built ones of the last edit save nothing here.
export CARGO_INCREMENTAL=0
# Clippy compiles our own crates here: one build serves lints and tests, and what we depend on is built once.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver
step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step "packages"
deploy/packages.sh test

step "format"
cargo fmt --all -- --check

if [ "${1:-everything}" = compiles ]; then
    step "the servers compile"
    unset RUSTC_WORKSPACE_WRAPPER
    cargo check --quiet -p parta-server -p parta-games
    step "direction of imports"
    cargo test -p parta-server --test architecture
    step "done"
    exit 0
fi

case ${1:-everything} in
everything) packages=(--workspace --features conformance-tests/sdk) ;;
servers) packages=(-p parta-server -p parta-games) ;;
*) sed -n '3,5s/^# *//p' deploy/test.sh >&2; exit 2 ;;
esac

if [ "${1:-everything}" = everything ]; then
    step "licences, sources, duplicates"
    command -v cargo-deny >/dev/null || RUSTC_WORKSPACE_WRAPPER='' cargo install --quiet --locked --debug cargo-deny
    cargo deny --locked check bans licenses sources
fi

step "build and lints"
log=$(mktemp)
trap 'rm -f "$log"; deploy/test-postgres.sh stop' EXIT
cargo build "${packages[@]}" --all-targets 2>&1 | tee "$log"
if grep -q '^warning' "$log"; then
    echo "a warning is an error here" >&2
    exit 1
fi

step "tests"
PARTA_TEST_POSTGRES_URL=$(deploy/test-postgres.sh start)
export PARTA_TEST_POSTGRES_URL
cargo test "${packages[@]}"

step "done"
