#!/usr/bin/env bash
# A small academy from one command: server, games, accounts with something to read, and the client.
#   deploy/demo.sh              start (a second start keeps the data)
#   deploy/demo.sh --reset      begin anew
#   deploy/demo.sh --headless   without the client
# PARTA_DEMO_DIR, PARTA_DEMO_PORT and PARTA_DEMO_GAMES_PORT stand for demo-data, 8008 and 8009.
set -euo pipefail
data=$(realpath -m "${PARTA_DEMO_DIR:-$(dirname "$0")/../demo-data}")
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/parta/target}
port=${PARTA_DEMO_PORT:-8008}
games_port=${PARTA_DEMO_GAMES_PORT:-8009}
name=parta.local
reset=no
headless=no
usage() { sed -n '2,6s/^# \{0,1\}//p' deploy/demo.sh; }
fail() { echo "$1" >&2; exit 1; }
for argument in "$@"; do
    case $argument in
    --reset) reset=yes ;;
    --headless) headless=yes ;;
    --help) usage; exit 0 ;;
    *) echo "There is no option $argument." >&2; usage >&2; exit 2 ;;
    esac
done
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || headless=yes

# What would stop it later is said before the long build.
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
command -v cargo >/dev/null || fail "Cargo is missing: install the Rust toolchain (https://rustup.rs) and start again."
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
rust=$(cargo --version | cut -d ' ' -f 2)
printf '%s\n' "$needed" "$rust" | sort -CV ||
    fail "Rust $rust is too old: install $needed or newer (https://rustup.rs) and start again."
for taken in "$port PARTA_DEMO_PORT" "$games_port PARTA_DEMO_GAMES_PORT"; do
    if (: <>"/dev/tcp/127.0.0.1/${taken% *}") 2>/dev/null; then
        fail "Port ${taken% *} is taken: stop what listens there, perhaps another demo, or set ${taken#* } to a free one."
    fi
done
# To begin anew is to empty the folder, so it must not be one that somebody else has filled.
[ -z "$(ls -A "$data" 2>/dev/null)" ] || [ -e "$data/.parta-demo" ] ||
    fail "$data holds something else: set PARTA_DEMO_DIR to an empty folder."

deploy/packages.sh build
echo "Building; the first time takes a while."
bin=$CARGO_TARGET_DIR/release
packages=(-p parta-server -p parta-games)
# Where the client has been built it stays among them: without it what all depend on would be built in another way, anew.
if [ "$headless" = no ] || [ -x "$bin/parta" ]; then packages+=(-p parta); fi
cargo build --release --locked "${packages[@]}"

umask 077
mkdir -p "$data"
touch "$data/.parta-demo"
if [ "$reset" = no ] && [ -e "$data/server" ] && [ ! -e "$data/seeded" ]; then
    echo "The first start ended before the academy was complete: beginning anew."
    reset=yes
fi
[ "$reset" = no ] || find "$data" -mindepth 1 -maxdepth 1 ! -name .parta-demo -exec rm -rf {} +
mkdir -p "$data/server" "$data/games" "$data/appservices"
# Ports and secrets are those of this start; the data is that of the first.
cat >"$data/parta.toml" <<TOML
# The demonstration's configuration, written at every start. docs/configuration.md explains every key.
[server]
name = "$name"
listen = "127.0.0.1:$port"
data_dir = "$data/server"

[registration]
token_required = true
shared_secret = "$(head -c 24 /dev/urandom | base64 | tr -d '/+=')"

[appservices]
folder = "$data/appservices"
TOML
rm -f "$data/appservices/games.yaml"
"$bin/parta-games" registration generate --output "$data/appservices/games.yaml" \
    --url "http://127.0.0.1:$games_port" --server-name "$name" >/dev/null
cat >"$data/games.toml" <<TOML
homeserver = "http://127.0.0.1:$port"
server_name = "$name"
listen = "127.0.0.1:$games_port"
data_dir = "$data/games"
registration = "$data/appservices/games.yaml"
TOML

pids=()
stop() {
    trap - EXIT HUP INT TERM
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    echo "Stopped. The data stays in $data."
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Waits until an address answers, as long as its process lives.
until_ready() {
    for _ in $(seq 300); do
        kill -0 "$1" 2>/dev/null || break
        if curl -fsS -o /dev/null "$2" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    echo "$3 did not start. The end of its log, $4:" >&2
    tail -n 5 "$4" >&2
    return 1
}

# A school's proxy knows nothing of this machine.
export no_proxy=127.0.0.1,${no_proxy:-} NO_PROXY=127.0.0.1,${NO_PROXY:-}
"$bin/parta-server" --config "$data/parta.toml" serve >"$data/server.log" 2>&1 &
pids+=($!)
until_ready $! "http://127.0.0.1:$port/_matrix/client/versions" "The server" "$data/server.log"
"$bin/parta-games" serve --config "$data/games.toml" >"$data/games.log" 2>&1 &
pids+=($!)
until_ready $! "http://127.0.0.1:$games_port/health" "The game bot" "$data/games.log"
python3 deploy/demo/seed.py "http://127.0.0.1:$port" "$name" "$data/parta.toml" "$data/seeded" &
pids+=($!)
wait $!
unset 'pids[-1]'

cat <<TEXT

  Parta runs at  http://127.0.0.1:$port
  Accounts       ivanova, petrov (teachers) · anna, boris, vera, gleb, dasha, egor (students)
  Password       shkolnaya-parta
  Logs           $data/*.log

  Any Matrix client can sign in with that address. Ctrl-C stops everything.

TEXT
if [ "$headless" = no ]; then
    "$bin/parta" --server "http://127.0.0.1:$port" --data-dir "$data/client" >"$data/client.log" 2>&1 &
    pids+=($!)
fi
wait -n "${pids[@]:0:2}" || true
fail "A server ended by itself; its log in $data says why."
