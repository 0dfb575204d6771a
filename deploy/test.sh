#!/usr/bin/env bash
# The one check: packages, format, lints, licences, and every test on both engines.
#   deploy/test.sh           everything
#   deploy/test.sh compiles  format, that the servers compile, and the direction of their imports
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/parta/target}
# Whole programs are built once; half-built ones of the last edit save nothing here.
export CARGO_INCREMENTAL=0
step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step "packages"
deploy/packages.sh test

step "format"
cargo fmt --all -- --check

if [ "${1:-all}" = compiles ]; then
    step "the servers compile"
    cargo check --quiet -p parta-server -p parta-games
    step "direction of imports"
    cargo test -p parta-server --test architecture
    step "done"
    exit 0
fi

step "licences, sources, duplicates"
command -v cargo-deny >/dev/null || cargo install --quiet --locked --debug cargo-deny
cargo deny --offline check bans licenses sources

step "lints"
cargo clippy --quiet --workspace --all-targets -- -D warnings

step "build"
cargo build --quiet --workspace --bins

step "tests"
PARTA_TEST_POSTGRES_URL=$(deploy/test-postgres.sh start)
export PARTA_TEST_POSTGRES_URL
trap 'deploy/test-postgres.sh stop' EXIT
cargo test --workspace

step "done"
