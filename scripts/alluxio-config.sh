# Sourced by the alluxio-*.sh scripts: where things are, and the few functions
# they share. Everything else is in the program `alluxio` beside this file.

ALLUXIO_BIN=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
export ALLUXIO_HOME=${ALLUXIO_HOME:-$(dirname "$ALLUXIO_BIN")}
if [[ -n ${ALLUXIO_CONF_DIR:-} && ! -d $ALLUXIO_CONF_DIR ]]; then
  echo "Error: ALLUXIO_CONF_DIR=$ALLUXIO_CONF_DIR is no folder." >&2
  exit 1
fi
export ALLUXIO_CONF_DIR=${ALLUXIO_CONF_DIR:-$ALLUXIO_HOME/conf}
if [[ -f $ALLUXIO_CONF_DIR/alluxio-env.sh ]]; then
  set -a
  # shellcheck disable=SC1091
  source "$ALLUXIO_CONF_DIR/alluxio-env.sh"
  set +a
fi
export ALLUXIO_LOGS_DIR=${ALLUXIO_LOGS_DIR:-$ALLUXIO_HOME/logs}
ALLUXIO=$ALLUXIO_BIN/alluxio

if [[ ! -x $ALLUXIO ]]; then
  echo "Error: $ALLUXIO is missing. In a source tree run \`make\` first." >&2
  exit 1
fi

# conf VALUE_OF_KEY: prints the value of a property, nothing when it is unset.
conf() { "$ALLUXIO" getConf "$1"; }

# hosts FILE: prints the hosts of conf/masters or conf/workers, one a line.
hosts() {
  local file=$ALLUXIO_CONF_DIR/$1
  if [[ ! -f $file ]]; then
    echo "Error: $file is missing: list one host a line in it." >&2
    return 1
  fi
  sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$file"
}

# on_hosts KIND COMMAND...: runs the command on every host of conf/KIND at the
# same time, over ssh (or directly on this machine), and waits. Output goes to
# logs/task.log, each line with its host. Returns the number of hosts that failed.
on_hosts() {
  local kind=$1 list host log=$ALLUXIO_LOGS_DIR/task.log failed=0 command
  shift
  list=$(hosts "$kind") || return 1
  if [[ -z $list ]]; then
    echo "Error: $ALLUXIO_CONF_DIR/$kind names no host." >&2
    return 1
  fi
  printf -v command '%q ' "$@"
  mkdir -p "$ALLUXIO_LOGS_DIR"
  echo "Executing the following command on all ${kind%s} nodes and logging to $log: $*"
  local -A pids=()
  for host in $list; do
    run_on "$host" "$command" > >(stamp "$host" >>"$log") 2>&1 &
    pids[$host]=$!
  done
  echo "Waiting for tasks to finish..."
  for host in $list; do
    local code=0
    wait "${pids[$host]}" || code=$?
    if ((code != 0)); then
      echo "Task on '$host' fails, exit code: $code" >&2
      failed=$((failed + 1))
    fi
  done
  if ((failed > 0)); then
    echo "There are task failures, look at $log for details." >&2
    return 1
  fi
  echo "All tasks finished"
}

run_on() {
  local host=$1 command=$2
  case $host in
    localhost | 127.0.0.1 | "$(hostname)") bash -c "$command" ;;
    *) ssh -n -o ConnectTimeout=5 -o StrictHostKeyChecking=accept-new "$host" "$command" ;;
  esac
}

stamp() {
  local host=$1 line
  while IFS= read -r line; do
    printf '[%(%Y-%m-%d %H:%M:%S)T][%s] %s\n' -1 "$host" "$line"
  done
}
