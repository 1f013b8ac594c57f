#!/usr/bin/env bash
# Mounts or unmounts the ramdisk of the worker's top tier.
set -u
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/alluxio-config.sh"

usage() {
  cat <<EOF
Usage: alluxio-mount.sh ACTION [local|workers]

ACTION is one of:
  Mount       mount the ramdisk (as root)
  SudoMount   the same with sudo
  Umount      unmount it
  SudoUmount  the same with sudo

The directories are those of alluxio.worker.tieredstore.level0.dirs.path, or
/mnt/ramdisk when that is not set; the size of each is alluxio.worker.ramdisk.size. A
tmpfs is used, which, unlike a ramfs, keeps to its size. Stop the worker before: what
it has in a directory would be hidden.
EOF
}

sudo=()
case ${1:-} in
  Mount | Umount) ;;
  SudoMount | SudoUmount) sudo=(sudo) ;;
  -h | --help) usage && exit 0 ;;
  "") usage && exit 1 ;;
  *) echo "Error: Invalid ACTION: $1" >&2 && exit 1 ;;
esac
case ${2:-local} in
  local) ;;
  workers) on_hosts workers "$ALLUXIO_BIN/alluxio-mount.sh" "$1" local; exit ;;
  *) echo "Error: unknown argument $2" >&2 && exit 1 ;;
esac

alias=$(conf alluxio.worker.tieredstore.level0.alias) || exit 1
if [[ $alias != MEM ]]; then
  echo "Error: can't ${1} when alluxio.worker.tieredstore.level0.alias is $alias, not MEM" >&2
  exit 1
fi
paths=alluxio.worker.tieredstore.level0.dirs.path
IFS=, read -ra dirs <<<"$(conf $paths)"
[[ $("$ALLUXIO" getConf --source $paths) == *DEFAULT* ]] && dirs=(/mnt/ramdisk)
size=$("$ALLUXIO" getConf --unit B alluxio.worker.ramdisk.size) || exit 1

mounted() { [[ $(stat -f -c %T "$1" 2>/dev/null) == @(tmpfs|ramfs) ]] && mountpoint -q "$1"; }

# refuse_in_use DIR: fails when a worker keeps blocks in it.
refuse_in_use() {
  if "$ALLUXIO" process running worker >/dev/null 2>&1; then
    echo "Error: the worker is running; stop it before $1 is mounted or unmounted (alluxio-stop.sh worker)" >&2
    return 1
  fi
}

mount_dir() {
  local dir=$1 total
  if mounted "$dir"; then
    echo "Ramdisk $dir already mounted. Skipping mounting procedure."
    return
  fi
  refuse_in_use "$dir" || return 1
  total=$(($(awk '/^MemTotal:/ {print $2}' /proc/meminfo) * 1024))
  if ((total < size)); then
    echo "Error: memory ($total) is less than the ramdisk size ($size): lower alluxio.worker.ramdisk.size" >&2
    return 1
  fi
  echo "Formatting RamFS: $dir ($size)"
  "${sudo[@]}" mkdir -p "$dir" && "${sudo[@]}" mount -t tmpfs -o "size=$size" tmpfs "$dir" && "${sudo[@]}" chmod a+w "$dir"
}

umount_dir() {
  mounted "$1" || return 0
  refuse_in_use "$1" || return 1
  echo "Unmounting $1"
  "${sudo[@]}" umount "$1"
}

code=0
for dir in "${dirs[@]}"; do
  case $1 in
    *Mount) mount_dir "$dir" || code=1 ;;
    *Umount) umount_dir "$dir" || code=1 ;;
  esac
done
exit $code
