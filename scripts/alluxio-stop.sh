#!/usr/bin/env bash
# Stops Alluxio processes: asks them to end, waits, and kills them after two minutes.
set -u
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/alluxio-config.sh"

usage() {
  cat <<EOF
Usage: alluxio-stop.sh [-h] COMPONENT [-s]

COMPONENT is one of:
  local    the worker and the master on this machine
  all      workers and masters on the hosts of conf/workers and conf/masters
  master   the master on this machine     masters  on the hosts of conf/masters
  worker   the worker on this machine     workers  on the hosts of conf/workers

  -s  soft: give up, and say so, instead of killing a process that does not end
  -h  this text
EOF
}

fail() {
  echo "Error: $1" >&2
  echo "See alluxio-stop.sh -h." >&2
  exit 1
}

soft=() component=
while (($# > 0)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    -s) soft=(--soft) ;;
    -*) fail "unknown option $1" ;;
    *)
      [[ -z $component ]] || fail "unknown argument $1"
      component=$1
      ;;
  esac
  shift
done

stop() { "$ALLUXIO" process stop "${soft[@]}" "$@"; }
remote() { on_hosts "$1s" "$ALLUXIO_BIN/alluxio-stop.sh" "$1" ${soft:+-s}; }

case $component in
  "") usage && exit 1 ;;
  local) stop worker master ;;
  master | worker) stop "$component" ;;
  masters) remote master ;;
  workers) remote worker ;;
  all)
    remote worker
    workers=$?
    remote master && ((workers == 0))
    ;;
  *) fail "Invalid component: $component" ;;
esac
