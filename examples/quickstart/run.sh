#!/usr/bin/env bash
# The quickstart: backs up a small shop from one throwaway PostgreSQL server and
# restores it onto an empty one, then proves the result without dbb.
#
#   examples/quickstart/run.sh            installs PostgreSQL if missing, builds dbb, runs
#   DBB_BIN=/path/to/dbb .../run.sh       uses a binary that is there already
#
# Both servers listen on the loopback only, live in a temporary folder and are
# gone at the end. Exit status: 0 when source and copy are equal, 69 when
# something to run with is missing, 1 when anything else is off.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
export LC_ALL=C.UTF-8
unset "${!PG@}"           # nothing of the caller's PostgreSQL settings may leak in

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
section() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note()    { printf '  %s\n' "$*"; }
missing() { printf 'quickstart: %s\n' "$@" >&2; exit 69; }

# Shows a command as typed, runs it in the temporary folder, stops when it fails.
run() {
    printf '\n%s$ %s%s\n' "$bold" "$1" "$plain"
    local status=0
    (cd "$work" && bash -c "$1") || status=$?
    [ "$status" = 0 ] && return 0
    printf '\nquickstart: "%s" ended with status %s\n' "$1" "$status" >&2
    exit 1
}

# ---- PostgreSQL and dbb ------------------------------------------------------

find_postgres() {
    local candidate
    for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
        if [ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ] && [ -x "$candidate/pg_dump" ] && [ -x "$candidate/psql" ]; then
            pgbin=$candidate
            return 0
        fi
    done
    return 1
}

install_packages() {
    command -v apt-get >/dev/null || missing "needs PostgreSQL (server and client) and a C compiler; this machine has no apt-get to install: $*"
    [ "$(id -u)" = 0 ] || missing "not installed, and only root can install: $*" "run: sudo apt-get install $*"
    section "Installing $*"
    packages update && packages install postgresql-common && without_main_cluster packages install "$@"
}

packages() { # apt-get's many lines are shown only when it fails
    local verb=$1 status=0
    shift
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$verb" "$@" >"$work/apt.log" 2>&1 || status=$?
    [ "$status" = 0 ] || { tail -n 20 "$work/apt.log" >&2; missing "apt-get $verb $* failed"; }
}

# Debian's package would make and start a server of its own; the tour has no use for it.
without_main_cluster() {
    local settings=/etc/postgresql-common/createcluster.conf
    cp -p "$settings" "$work/createcluster.conf"
    printf 'create_main_cluster = false\n' >>"$settings"
    "$@"
    restore_settings
}

restore_settings() {
    [ ! -e "$work/createcluster.conf" ] || mv "$work/createcluster.conf" /etc/postgresql-common/createcluster.conf
}

find_dbb() {
    if [ -n "${DBB_BIN:-}" ]; then
        [ -x "$DBB_BIN" ] || missing "DBB_BIN=$DBB_BIN is not a program"
        dbb=$(cd "$(dirname "$DBB_BIN")" && pwd)/$(basename "$DBB_BIN")
        return
    fi
    local cargo
    cargo=$(command -v cargo || true)
    [ -n "$cargo" ] || cargo=${CARGO_HOME:-$HOME/.cargo}/bin/cargo
    [ -x "$cargo" ] || missing "Rust is not installed (no cargo); see https://rustup.rs, or set DBB_BIN to a ready dbb"
    section "Building dbb (the first time takes some minutes)"
    (cd "$repository" && "$cargo" build --release --locked --quiet) || { echo "quickstart: the build failed" >&2; exit 1; }
    dbb=${CARGO_TARGET_DIR:-target}/release/dbb
    [ "${dbb#/}" != "$dbb" ] || dbb=$repository/$dbb
}

# ---- throwaway servers -------------------------------------------------------

as_postgres() { if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); else "$@"; fi; }

# start_server NAME: a new cluster; leaves its port in $port.
start_server() {
    local folder=$work/$1 try
    if [ "$(id -u)" = 0 ]; then install -d -o postgres -g postgres -m 700 "$folder"; else install -d -m 700 "$folder"; fi
    as_postgres "$pgbin/initdb" -D "$folder/data" -U postgres -A scram-sha-256 --pwfile="$work/password" \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$work/$1.log" 2>&1 || { cat "$work/$1.log" >&2; exit 1; }
    started+=("$folder/data")
    for try in 1 2 3 4 5 6 7 8; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if as_postgres "$pgbin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 start \
            -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$folder" >/dev/null 2>&1; then
            note "$1: PostgreSQL $("$pgbin/postgres" --version | cut -d' ' -f3) on 127.0.0.1:$port"
            return 0
        fi
        grep -q 'Address already in use\|could not bind' "$folder/log" || break
    done
    echo "quickstart: the server \"$1\" did not start:" >&2
    tail -n 20 "$folder/log" >&2
    exit 1
}

started=()
cleanup() {
    local status=$? data
    trap - EXIT
    for data in "${started[@]}"; do
        [ -s "$data/postmaster.pid" ] || continue
        as_postgres "$pgbin/pg_ctl" -D "$data" -m fast -w stop >/dev/null 2>&1 ||
            as_postgres "$pgbin/pg_ctl" -D "$data" -m immediate -w stop >/dev/null 2>&1 || true
    done
    restore_settings
    rm -rf "$work"
    exit "$status"
}

umask 022                 # the servers' user must be able to enter the folder
work=$(mktemp -d "${TMPDIR:-/tmp}/dbb-quickstart.XXXXXX")
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chmod 755 "$work"

wanted=()
find_postgres || wanted+=(postgresql postgresql-client)
[ -n "${DBB_BIN:-}" ] || command -v cc >/dev/null || wanted+=(gcc libc6-dev)
if [ ${#wanted[@]} -gt 0 ]; then
    install_packages "${wanted[@]}"
    find_postgres || missing "PostgreSQL was installed, yet its programs are not in /usr/lib/postgresql"
fi
if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then
    missing "PostgreSQL refuses to run as root, and there is no user \"postgres\" to run it as"
fi
find_dbb
# Settings of the caller must not steer the tour.
for variable in "${!DBB_@}"; do unset "$variable"; done
mkdir "$work/bin"
ln -s "$dbb" "$work/bin/dbb"
export PATH=$work/bin:$pgbin:$PATH

section "Two throwaway servers: one with a shop, one empty"
LIVE_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
SPARE_PASSWORD=$LIVE_PASSWORD
export LIVE_PASSWORD SPARE_PASSWORD
(umask 077 && printf '%s\n' "$LIVE_PASSWORD" >"$work/password")
[ "$(id -u)" != 0 ] || chown postgres "$work/password"
start_server live;  live_port=$port
start_server spare; spare_port=$port
rm "$work/password"

live()  { PGPASSWORD=$LIVE_PASSWORD  psql -X -q -h 127.0.0.1 -p "$live_port"  -U postgres "$@"; }
spare() { PGPASSWORD=$SPARE_PASSWORD psql -X -q -h 127.0.0.1 -p "$spare_port" -U postgres "$@"; }
live -d postgres -f "$here/shop.sql"
live -d shop -f "$here/inventory.sql" >"$work/live.inventory"
count() { grep -c "^$1  " "$work/live.inventory"; }
note "the shop has $(awk -F'  ' '$1 == "rows" {n += $3} END {print n}' "$work/live.inventory") rows in $(count rows) tables," \
     "$(count 'view rows') materialized views, $(count 'large object') large objects, $(count role) roles, $(count constraint) constraints"

config=$(<"$here/dbb.yaml")
config=${config//55432/$live_port}
printf '%s\n' "${config//55433/$spare_port}" >"$work/dbb.yaml"
cp "$here/restore.yaml" "$work/restore.yaml"

# ---- the tour ----------------------------------------------------------------

section "1. What would be backed up? (nothing is changed by a plan)"
run 'dbb validate'
run 'dbb plan'

section "2. Back it up; a second plan has nothing left to do"
run 'dbb apply --auto-approve'
run 'dbb plan --detailed-exitcode'
run 'dbb snapshots'
run 'dbb verify --level full'

section "3. A runbook says how it comes back"
run 'dbb runbook shop --to spare'
run 'cat restore.yaml'
run 'dbb plan restore.yaml'

section "4. Restore it onto the empty server; every row is read back and compared"
run 'dbb apply restore.yaml --auto-approve'

section "5. The same question to both servers, by psql alone"
spare -d shop -f "$here/inventory.sql" >"$work/spare.inventory"
if ! diff "$work/live.inventory" "$work/spare.inventory" >"$work/difference"; then
    echo "quickstart: source (<) and copy (>) differ:" >&2
    head -n 40 "$work/difference" >&2
    exit 1
fi
awk -F'  ' '$1 ~ /rows$/ {printf "  %-22s %6d rows   md5 %s   equal\n", $2, $3, $4}' "$work/spare.inventory"
note "also equal: $(count role) roles with their password hashes, $(count member) memberships, $(count setting) settings,"
note "$(count relation) relations with owners and grants, $(count constraint) constraints, $(count sequence) sequences, $(count 'large object') large objects"
ANNA=$(PGPASSWORD=anna-quickstart psql -X -q -A -t -h 127.0.0.1 -p "$spare_port" -U anna -d shop \
    -c 'select count(*) from sales.customer')
note "anna logs in to the copy with her old password and sees $ANNA customers"

section "Done: the copy equals the source. Removing both servers and $work"
