#!/usr/bin/env bash
# Starts Alluxio processes and waits until they serve.
set -u
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/alluxio-config.sh"

usage() {
  cat <<EOF
Usage: alluxio-start.sh [-ahNw] [-i BACKUP] ACTION [MOUNT] [-f]

ACTION is one of:
  local            a master and a worker on this machine
  all              masters and workers on the hosts of conf/masters and conf/workers
  master           the master on this machine
  masters          the masters on the hosts of conf/masters
  worker           a worker on this machine
  workers          the workers on the hosts of conf/workers
  restart_worker   a worker on this machine, unless it runs
  restart_workers  the same on the hosts of conf/workers

MOUNT says what to do about the ramdisk of a worker (default NoMount):
  Mount            mount it, if it is not
  SudoMount        the same with sudo
  NoMount          leave it as it is

  -a  do not wait until the processes serve
  -f  format this machine's journal and worker storage first (all data in them is lost)
  -i  a backup (fsadmin backup) that a freshly formatted master begins with: a file
      of the master's machine or a URI; looked at only while the journal is empty
  -N  accepted for compatibility: running processes are never stopped here
  -w  accepted for compatibility: children are always waited for
  -h  this text

A process that runs already is left alone and named. The exit code is not 0 when
a process did not come up.
EOF
}

fail() {
  echo "Error: $1" >&2
  echo "See alluxio-start.sh -h." >&2
  exit 1
}

async=() format=no backup=
while getopts ":afhi:Nw" option; do
  case $option in
    a) async=(--async) ;;
    f) format=yes ;;
    h) usage && exit 0 ;;
    i) backup=$OPTARG ;;
    N | w) ;;
    :) fail "-$OPTARG wants a value" ;;
    *) fail "unknown option -$OPTARG" ;;
  esac
done
shift $((OPTIND - 1))

(($# > 0)) || fail "no ACTION specified"
action=$1 mount=
shift
while (($# > 0)); do
  case $1 in
    Mount | SudoMount | NoMount) mount=$1 ;;
    -f) format=yes ;;
    -a) async=(--async) ;;
    -N | -w) ;;
    *) fail "unknown argument $1" ;;
  esac
  shift
done
from_backup=()
if [[ -n $backup ]]; then
  case $action in
    local | all | master | masters) ;;
    *) fail "-i is about masters, not $action" ;;
  esac
  [[ $backup == *://* || $backup == /* ]] || backup=$PWD/$backup
  from_backup=("-Dalluxio.master.journal.init.from.backup=$backup")
fi

# start PROCESS [-Dkey=value]: starts it here and says so.
start() {
  "$ALLUXIO" process start "${async[@]}" "$@"
}

prepare_ramdisk() {
  case $mount in
    Mount | SudoMount) "$ALLUXIO_BIN/alluxio-mount.sh" "$mount" local || return 1 ;;
  esac
}

start_worker() {
  prepare_ramdisk || { echo "Mount failed, not starting worker" >&2; return 1; }
  start worker
}

# remote PROCESS: the arguments with which a host of conf/ starts one process.
remote() {
  local args=("$ALLUXIO_BIN/alluxio-start.sh")
  ((${#async[@]} > 0)) && args+=(-a)
  args+=("$1")
  [[ -n $mount && $1 != master ]] && args+=("$mount")
  [[ $format == yes ]] && args+=(-f)
  [[ -n $backup && $1 == master ]] && args+=(-i "$backup")
  on_hosts "$1s" "${args[@]}"
}

case $action in
  local)
    if [[ $format == yes ]]; then "$ALLUXIO" formatJournal && "$ALLUXIO" formatWorker || exit 1; fi
    start master "${from_backup[@]}" && start_worker
    ;;
  master)
    if [[ $format == yes ]]; then "$ALLUXIO" formatJournal || exit 1; fi
    start master "${from_backup[@]}"
    ;;
  worker | restart_worker)
    if [[ $format == yes ]]; then "$ALLUXIO" formatWorker || exit 1; fi
    start_worker
    ;;
  masters) remote master ;;
  workers | restart_workers) remote worker ;;
  all) remote master && remote worker ;;
  job_master | job_masters | job_worker | job_workers | proxy | proxies | secondary_master | logserver)
    fail "there is no separate $action: the master does its work"
    ;;
  *) fail "Invalid ACTION: $action" ;;
esac
