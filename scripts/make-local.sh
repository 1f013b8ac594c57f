#!/usr/bin/env bash
# `make local`: from a fresh build to a local cluster that passed its smoke suite.
set -euo pipefail
cd "$(dirname "$0")/.."

bin/alluxio process running master >/dev/null || bin/alluxio format -s
bin/alluxio-start.sh local
bin/alluxio runTests

cat <<EOF

The cluster runs.
  web page     http://localhost:$(bin/alluxio getConf alluxio.master.web.port)
  under store  $(bin/alluxio getConf alluxio.master.mount.table.root.ufs)
  try          ./bin/alluxio fs ls /default_tests_files
  stop         make stop   (or ./bin/alluxio-stop.sh local)
EOF
