#!/usr/bin/env bash
# run.sh [--quick|--full] [--sets big,many,wide] [--repeats N] [--jobs N] [--dir DIR] [--markdown FILE]
#
# Measures dbb beside pg_dump and pg_restore in one go: same servers, same data, taking turns.
# --quick works on about 200 MiB a set and is the default, --full on 2 GiB.
# DBB_BIN names a ready release binary; without it one is built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
command -v python3 >/dev/null || { echo "run.sh: needs python3" >&2; exit 69; }
if [ -z "${DBB_BIN:-}" ]; then
  (cd "$root" && cargo build --release --locked --quiet)
  target=${CARGO_TARGET_DIR:-target}
  case $target in /*) DBB_BIN=$target/release/dbb ;; *) DBB_BIN=$root/$target/release/dbb ;; esac
fi
export DBB_BIN PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/bench.py" "$@"
