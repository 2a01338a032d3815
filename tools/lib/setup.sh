# shellcheck shell=bash
# install_packages GROUP...: the Debian packages that a command needs, by name; only what is missing is installed, so a
# second run asks nobody and costs milliseconds. Groups: build demo lint tidy package test
# deploy testssl cachetests cachepeers browser mutate bench.

# The compiler cache serves every checkout and preset of this project alike.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros

meridian_packages() { # group
  case $1 in
    build)
      echo ca-certificates cmake ninja-build g++ ccache pkg-config \
        libboost1.81-dev libboost-json1.81-dev libssl-dev libldns-dev libmaxminddb-dev libidn2-dev libc-ares-dev \
        libnghttp2-dev zlib1g-dev libhiredis-dev libbrotli-dev libdeflate-dev libzstd-dev libyaml-cpp-dev libcli11-dev libspdlog-dev libexpected-dev libgtest-dev libgmock-dev libbenchmark-dev \
        python3 perl tor-geoipdb tzdata libmaxmind-db-writer-perl
      ;;
    demo) echo python3 bind9-dnsutils curl openssl procps ;;
    lint) echo git python3 clang-format-19 ;;
    tidy) echo git python3 clang-tidy-19 ;;
    package) echo git debhelper dpkg-dev python3 ;;
    test)
      echo "$(meridian_packages lint) $(meridian_packages tidy)" python3-pytest python3-pytest-xdist python3-dnspython clang-19 libclang-rt-19-dev \
        bind9-dnsutils bind9-utils knot-dnsutils knot-dnssecutils nsd unbound bind9 pdns-recursor zonemaster-cli dnsviz iproute2 dnsperf nghttp2-client nghttp2-server nghttp2-proxy h2o python3-h2 python3-grpcio wrk curl openssl procps mmdb-bin haproxy nginx-light python3-websockets redis-server redis-sentinel
      ;;
    deploy) echo lintian debootstrap systemd-container iproute2 curl logrotate man-db groff zsh fish ansible-core ansible-lint yamllint openssh-client \
        prometheus nsd unbound dnsperf openssl python3-pytest python3-dnspython python3-jsonschema python3-yaml ;;
    testssl) echo testssl.sh ;;
    cachetests) echo nodejs npm ;;
    cachepeers) echo varnish squid apache2-bin ;;
    browser) echo chromium ;;
    mutate) echo git python3 python3-clang-19 ;;
    bench) echo python3 procps gdnsd knot knot-module-geoip nsd pdns-server pdns-backend-geoip pdns-backend-bind bind9 nginx-light libnginx-mod-stream haproxy wrk tor-geoipdb \
        h2o nghttp2-proxy nghttp2-client openssl ;;
    *) echo "no package group '$1'" >&2; return 2 ;;
  esac
}

# unbound, nsd and the benchmark's peers are wanted as programs, not as services that take ports 53 and 80 of this machine.
run_apt() { # apt-get arguments
  local sudo=() guard=/usr/sbin/policy-rc.d guarded=no status=0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "not root and no sudo: run as root: apt-get $*" >&2; return 1; }
    sudo=(sudo)
  fi
  if [ ! -e "$guard" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$guard" >/dev/null
    "${sudo[@]}" chmod 755 "$guard"
    guarded=yes
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" || status=$?
  [ "$guarded" = no ] || "${sudo[@]}" rm -f "$guard"
  return "$status"
}

install_packages() { # group...
  local group package installed wanted=() missing=()
  for group in "$@"; do
    # shellcheck disable=SC2207  # package names have no spaces
    wanted+=($(meridian_packages "$group")) || return
  done
  # Packages that dpkg has never heard of make it complain and fail: they are missing, too.
  installed=$(dpkg-query -W -f='${Package}:${db:Status-Status} ' "${wanted[@]}" 2>/dev/null) || true
  for package in "${wanted[@]}"; do
    case " $installed " in *" $package:installed "*) continue ;; esac
    case " ${missing[*]-} " in *" $package "*) ;; *) missing+=("$package") ;; esac
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! grep -qs '^VERSION_ID="12"' /etc/os-release; then
    echo "this is made for Debian 12; install what corresponds to: ${missing[*]}" >&2
    return 1
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}"
  run_apt update -qq
  run_apt install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The release build of all that is run, and of what tests run it with.
build_programs() {
  [ -f build/release/build.ninja ] || cmake --preset release >/dev/null
  ninja -C build/release programs | tail -n 1
}
