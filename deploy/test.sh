#!/usr/bin/env bash
# The one check: packages, format, lints, licences, and every test on both engines. CI runs the same.
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
