#!/usr/bin/env bash
# Bring the programs that tests and `make processes` use and PyPI does not have:
#
#     deploy/install_test_tools.sh rabbitmq-server chromium caddy
#
# On Debian as root it installs the packages that are missing, and leaves no system
# service started or enabled. Anywhere else it says what to install and succeeds: the
# tests that need a missing program are skipped by name.
set -euo pipefail

# Each package, and the program that shows it is there. Debian's rabbitmqctl wrapper
# refuses to run for other users, so RabbitMQ is looked for where our servers take it from.
program_of() {
    case "$1" in
        rabbitmq-server) echo /usr/lib/rabbitmq/bin/rabbitmq-server ;;
        *) echo "$1" ;;
    esac
}

missing=()
for package in "$@"; do
    command -v "$(program_of "$package")" > /dev/null || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ! [[ $(id -u) == 0 && -f /etc/debian_version ]] || ! command -v apt-get > /dev/null; then
    echo "Not installed here: ${missing[*]}. On Debian: sudo apt-get install ${missing[*]}"
    exit 0
fi

# invoke-rc.d asks policy-rc.d before it starts a service; 101 is "forbidden".
policy=/usr/sbin/policy-rc.d
scratch=$(mktemp -d)
[[ -e $policy ]] && cp --preserve "$policy" "$scratch/policy"
restore() {
    if [[ -e $scratch/policy ]]; then cp --preserve "$scratch/policy" "$policy"; else rm -f "$policy"; fi
    rm -rf "$scratch"
}
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' > "$policy"
chmod 755 "$policy"

enabled_units() { find /etc/systemd/system -type l 2> /dev/null | sort; }
enabled_units > "$scratch/enabled"

install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 -qq update
    apt-get -o DPkg::Lock::Timeout=300 -qq install --no-install-recommends "${missing[@]}"
}

echo "Installing for the tests: ${missing[*]}"
if ! install > "$scratch/log" 2>&1 < /dev/null; then
    tail -n 20 "$scratch/log"
    echo "Not installed: ${missing[*]}. The tests that need them are skipped."
    exit 0
fi

# Nothing was started; nothing shall start with the machine either.
comm -13 "$scratch/enabled" <(enabled_units) | xargs --no-run-if-empty rm
