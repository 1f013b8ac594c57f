#!/usr/bin/env bash
# Runs a command on every host of conf/workers at the same time.
set -u
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/alluxio-config.sh"

if (($# == 0)) || [[ $1 == -h || $1 == --help ]]; then
  echo "Usage: alluxio-workers.sh COMMAND [ARGS...]"
  echo "Runs the command on every host of conf/workers, over ssh; output goes to logs/task.log."
  (($# > 0))
  exit
fi
on_hosts workers "$@"
