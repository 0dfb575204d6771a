#!/usr/bin/env bash
# A small academy from one command: server, games, accounts with something to read, and the client.
#   deploy/demo.sh              start (a second start keeps the data)
#   deploy/demo.sh --reset      begin anew
#   deploy/demo.sh --headless   without the client
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/parta/target}
data=${PARTA_DEMO_DIR:-$PWD/demo-data}
port=${PARTA_DEMO_PORT:-8008}
games_port=${PARTA_DEMO_GAMES_PORT:-8009}
name=parta.local
headless=no
for argument in "$@"; do
    case $argument in
    --reset) reset=yes ;;
    --headless) headless=yes ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || headless=yes

deploy/packages.sh build
echo "building (the first time takes a while)"
packages=(-p parta-server -p parta-games)
[ "$headless" = yes ] || packages+=(-p parta)
cargo build --release --quiet "${packages[@]}"
bin=$CARGO_TARGET_DIR/release

[ "${reset:-no}" = no ] || rm -rf "$data"
mkdir -p "$data/server" "$data/games" "$data/appservices"
chmod 700 "$data"
if [ ! -f "$data/appservices/games.yaml" ]; then
    "$bin/parta-games" registration generate --output "$data/appservices/games.yaml" \
        --url "http://127.0.0.1:$games_port" --server-name "$name" >/dev/null
fi
if [ ! -f "$data/parta.toml" ]; then
    secret=$(head -c 24 /dev/urandom | base64 | tr -d '/+=')
    (umask 077; cat >"$data/parta.toml" <<TOML
# The demonstration's configuration. Every key is explained in docs/configuration.md.
[server]
name = "$name"
listen = "127.0.0.1:$port"
data_dir = "$data/server"

[registration]
token_required = true
shared_secret = "$secret"

[appservices]
folder = "$data/appservices"
TOML
    )
fi
(umask 077; cat >"$data/games.toml" <<TOML
homeserver = "http://127.0.0.1:$port"
server_name = "$name"
listen = "127.0.0.1:$games_port"
data_dir = "$data/games"
registration = "$data/appservices/games.yaml"
TOML
)

pids=()
stop() {
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    echo "stopped; the data stays in $data"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Waits until an address answers, as long as its process lives.
until_ready() {
    for _ in $(seq 300); do
        if curl -fsS -o /dev/null "$2" 2>/dev/null; then return 0; fi
        kill -0 "$1" 2>/dev/null || { echo "$3 did not start; its log is $4" >&2; tail -n 5 "$4" >&2; return 1; }
        sleep 0.1
    done
    echo "$3 does not answer; its log is $4" >&2
    return 1
}

"$bin/parta-server" --config "$data/parta.toml" serve >"$data/server.log" 2>&1 &
pids+=($!)
until_ready $! "http://127.0.0.1:$port/_matrix/client/versions" "the server" "$data/server.log"
"$bin/parta-games" serve --config "$data/games.toml" >"$data/games.log" 2>&1 &
pids+=($!)
python3 deploy/demo/seed.py "http://127.0.0.1:$port" "$name" "$data/parta.toml" "$data/seeded"

cat <<TEXT

  Parta runs at  http://127.0.0.1:$port
  Accounts       ivanova, petrov (teachers) · anna, boris, vera, gleb, dasha, egor (students)
  Password       shkolnaya-parta
  Logs           $data/server.log, $data/games.log

  Any Matrix client can sign in with that address. Ctrl-C stops everything.

TEXT
if [ "$headless" = no ]; then
    "$bin/parta" --server "http://127.0.0.1:$port" --data-dir "$data/client" &
    pids+=($!)
fi
wait -n "${pids[@]:0:2}" || true
echo "a server ended by itself; see the logs" >&2
exit 1
