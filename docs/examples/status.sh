#!/bin/sh
# Ask a bench for one method's result with socat: status.sh [METHOD [PARAMS]]
#   status.sh
#   status.sh sessions.show '{"session": 3}'
#   status.sh bench.wait '{"condition": "streaming", "timeout_s": 60}'
# VMEDIA_BENCH names the bench, cam0 without it.
set -eu
method=${1:-bench.status}
params=${2:-"{}"}
name=${VMEDIA_BENCH:-cam0}
folder=${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/vmedia-bench}
socket=${folder:-${TMPDIR:-/tmp}/vmedia-bench-$(id -u)}/$name.sock

# -t: how long to wait for the answer once the request is sent; the bench closes right after it.
printf '{"jsonrpc": "2.0", "id": 1, "method": "%s", "params": %s}\n' "$method" "$params" |
    socat -t 3600 - "UNIX-CONNECT:$socket"
