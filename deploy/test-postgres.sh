#!/usr/bin/env bash
# Starts a throw-away PostgreSQL for tests and prints its URL. A running one is used again. Tests kill our server, never
# this one, so nothing is forced to disk; and the work in the background is off, which hundreds of small databases would
# keep busy.
#   deploy/test-postgres.sh start    prints the URL
#   deploy/test-postgres.sh stop
set -euo pipefail
folder=${PARTA_TEST_POSTGRES_DIR:-/tmp/parta-test-postgres}
port=${PARTA_TEST_POSTGRES_PORT:-54329}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "PostgreSQL is not installed: apt-get install postgresql" >&2; exit 1; }
# PostgreSQL refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

case ${1:-start} in
start)
    if ! as "$bin/pg_ctl" -D "$folder/data" status >/dev/null 2>&1; then
        mkdir -p "$folder"
        [ "$(id -u)" != 0 ] || chown postgres "$folder"
        [ -d "$folder/data" ] || as "$bin/initdb" -D "$folder/data" -U parta --auth=trust -E UTF8 --locale=C >/dev/null
        as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
            -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c max_connections=300 \
                -c fsync=off -c full_page_writes=off -c autovacuum=off -c bgwriter_lru_maxpages=0 \
                -c checkpoint_timeout=30min -c max_wal_size=4GB" start >/dev/null
    fi
    echo "postgres://parta@127.0.0.1:$port/postgres"
    ;;
stop)
    as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder/data"
    ;;
*) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
