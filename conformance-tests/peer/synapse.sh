#!/usr/bin/env bash
# Starts Synapse from PyPI in the foreground, as the peer that measurements are compared with and that the
# black-box tests are themselves tested on. Every limit is off; it listens on loopback only.
#
#   synapse.sh DIR PORT [postgres://USER:PASSWORD@127.0.0.1:PORT/DATABASE]
#
# DIR keeps configuration, keys, media and, without a PostgreSQL address, the database: an empty DIR is an empty
# server. A PostgreSQL database must exist with encoding UTF8 and locale C:
#   CREATE DATABASE d ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0
#
# Environment:
#   SYNAPSE_VENV      virtual environment, made when absent   (~/.cache/parta/synapse)
#   SYNAPSE_SECRET    shared secret for registration          (secret)
#   SYNAPSE_BCRYPT    bcrypt rounds: 4 for set-up, 12 (Synapse's default) to measure sign-in   (4)
#   SYNAPSE_PRESENCE  true or false                           (true)
#   SYNAPSE_NAME      server name                             (hs1)
set -euo pipefail

[[ $# -ge 2 ]] || { sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd) port=$2 database=${3:-}
venv=${SYNAPSE_VENV:-$HOME/.cache/parta/synapse}
mkdir -p "$dir/appservices"

if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import synapse' 2>/dev/null; then
  # psycopg2 is compiled: it needs a C compiler and libpq-dev.
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'matrix-synapse[postgres]'
fi

if [[ -n $database ]]; then
  engine="  name: psycopg2
  args: { dsn: \"$database\", cp_min: 5, cp_max: 10 }"
else
  engine="  name: sqlite3
  args: { database: \"$dir/homeserver.db\" }"
fi

appservices=""
for file in "$dir"/appservices/*.yaml; do
  [[ -e $file ]] && appservices+="
  - $file"
done

limit='{ per_second: 100000, burst_count: 100000 }'
cat > "$dir/homeserver.yaml" <<YAML
server_name: ${SYNAPSE_NAME:-hs1}
public_baseurl: http://127.0.0.1:$port/
report_stats: false
pid_file: $dir/homeserver.pid
log_config: $dir/log.yaml
media_store_path: $dir/media
signing_key_path: $dir/signing.key
registration_shared_secret: ${SYNAPSE_SECRET:-secret}
macaroon_secret_key: loopback-only
enable_registration: true
enable_registration_without_verification: true
bcrypt_rounds: ${SYNAPSE_BCRYPT:-4}
presence: { enabled: ${SYNAPSE_PRESENCE:-true} }
user_directory: { enabled: true, search_all_users: true }
allow_public_rooms_without_auth: false
enable_room_list_search: true
trusted_key_servers: []
federation_domain_whitelist: []
listeners:
  - { port: $port, bind_addresses: [127.0.0.1], type: http, tls: false, resources: [{ names: [client, media] }] }
database:
$engine
app_service_config_files: ${appservices:-[]}
rc_message: $limit
rc_registration: $limit
rc_registration_token_validity: $limit
rc_login: { address: $limit, account: $limit, failed_attempts: $limit }
rc_admin_redaction: $limit
rc_joins: { local: $limit, remote: $limit }
rc_joins_per_room: $limit
rc_3pid_validation: $limit
rc_invites: { per_room: $limit, per_user: $limit, per_issuer: $limit }
rc_third_party_invite: $limit
rc_media_create: $limit
rc_presence: { per_user: $limit }
rc_delayed_event_mgmt: $limit
rc_room_creation: $limit
rc_reports: $limit
YAML
cat > "$dir/log.yaml" <<YAML
version: 1
handlers: { file: { class: logging.FileHandler, filename: $dir/synapse.log } }
root: { level: WARNING, handlers: [file] }
YAML

synapse=("$venv/bin/python" -m synapse.app.homeserver -c "$dir/homeserver.yaml")
[[ -e $dir/signing.key ]] || "${synapse[@]}" --generate-keys
exec "${synapse[@]}"
