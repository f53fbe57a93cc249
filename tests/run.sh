#!/usr/bin/env bash
# run.sh                 everything; ends with non-zero when anything failed
# run.sh quick           format, lints, unit tests, data-driven tests, rules of the tree: no servers
# run.sh conformance     the suites of the ports
# run.sh live [FILTER]   tests with real PostgreSQL servers, by name
# run.sh crash [FILTER]  killed and cut runs
# run.sh docs            the API documentation, warnings as errors
# run.sh deny            licences, bans and sources of the dependencies; advisories where the network allows
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n==> %s\n' "$*" >&2; }
run() { step "$*"; "$@"; }

install_servers() { run tests/servers/install.sh; }
lint() {
  run cargo fmt --check
  run cargo clippy --locked --all-targets -- -D warnings
}
quick() {
  lint
  run cargo test --locked --lib --test quick
}
conformance() { run cargo test --locked --test conformance -- "$@"; }
live() { run cargo test --locked --test live -- "$@"; }
crash() { run cargo test --locked --test crash -- "$@"; }
docs() {
  step "cargo doc --no-deps"
  RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
}
deny() {
  cargo deny --version >/dev/null 2>&1 || run cargo install --locked --version 0.20.2 cargo-deny
  run cargo deny --locked check licenses bans sources
  step "cargo deny check advisories"
  local said; said=$(mktemp)
  if ! cargo deny --locked check advisories >"$said" 2>&1; then
    cat "$said"
    # Only a database that cannot be fetched is forgiven.
    grep -q 'failed to fetch advisory database' "$said" || { rm -f "$said"; return 1; }
    echo "advisories: not checked, their database could not be fetched" >&2
  fi
  rm -f "$said"
}

command=${1:-all}
[ $# -eq 0 ] || shift
case $command in
  all) install_servers; quick; conformance; live; crash; docs ;;
  quick | docs | deny) "$command" ;;
  conformance | live | crash) install_servers; "$command" "$@" ;;
  *) sed -n '2,8s/^# //p' "$0" >&2; exit 2 ;;
esac
