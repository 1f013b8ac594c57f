#!/usr/bin/env bash
# Says whether the processes serve.
set -u
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/alluxio-config.sh"

usage() {
  cat <<EOF
Usage: alluxio-monitor.sh [-hL] ACTION

ACTION is one of local, all, master, masters, worker, workers.
  -L  print the last lines of the logs instead
  -h  this text
The exit code is not 0 when a process does not serve.
EOF
}

logs=()
while getopts ":hL" option; do
  case $option in
    h) usage && exit 0 ;;
    L) logs=(--logs) ;;
    *) echo "Error: unknown option -$OPTARG" >&2 && exit 1 ;;
  esac
done
shift $((OPTIND - 1))

monitor() { "$ALLUXIO" process status "${logs[@]}" "$@"; }
remote() { on_hosts "$1s" "$ALLUXIO_BIN/alluxio-monitor.sh" ${logs:+-L} "$1"; }

case ${1:-} in
  local) monitor master worker ;;
  master | worker) monitor "$1" ;;
  masters) remote master ;;
  workers) remote worker ;;
  all)
    remote master
    masters=$?
    remote worker && ((masters == 0))
    ;;
  "") usage && exit 1 ;;
  *) echo "Error: Invalid ACTION: $1" >&2 && exit 1 ;;
esac
