#!/usr/bin/env bash
# Installs the programs that the tests run and this machine lacks: Debian packages by name, and actionlint by the Go toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
while read -r package _; do
  [[ -z $package || $package == \#* ]] && continue
  [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done < tests/requirements-apt.txt

if ((${#missing[@]})); then
  if ((EUID != 0)); then
    echo "the tests need these packages: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}"
  # a service that comes with a package is for the rehearsed hosts to run, not for this machine
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

if ! command -v actionlint > /dev/null && [[ ! -x .cache/bin/actionlint ]]; then
  echo "installing actionlint"
  GOBIN="$PWD/.cache/bin" GOFLAGS=-modcacherw go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
fi
