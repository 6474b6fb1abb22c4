# Debian packages for tools/setup.sh: what is missing, and how it is installed.
# shellcheck shell=bash

# Every Debian package set-up may need, with a file or command that shows it is there.
debian_probes="
cmake:cmake
ninja-build:ninja
python3:python3
xz-utils:xz
nlohmann-json3-dev:/usr/include/nlohmann/json.hpp
clang-19:clang++-19
libclang-rt-19-dev:/usr/lib/llvm-19/lib/clang/19/lib/linux
clang-format-19:clang-format-19
clang-tidy-19:clang-tidy-19
googletest:/usr/src/googletest/CMakeLists.txt
chromium:chromium
firefox-esr:firefox-esr"

# missing_packages NAME…: prints those whose probe fails.
missing_packages() {
  local name probe
  for name in "$@"; do
    probe=${debian_probes#*$'\n'"$name":}
    probe=${probe%%$'\n'*}
    case "$probe" in
      /*) [ -e "$probe" ] || echo "$name" ;;
      *) command -v "$probe" >/dev/null || echo "$name" ;;
    esac
  done
}

# as_root COMMAND…
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo. Run as root: $*"
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=600 "$@"
}

apt_updated=no
apt_update() {
  [ "$apt_updated" = yes ] || apt update
  apt_updated=yes
}

# apt_install PACKAGE…: never removes anything. If dpkg was interrupted earlier, that has to be completed first.
apt_install() {
  command -v apt-get >/dev/null || die "these are missing, and there is no apt-get to install them with: $*."
  apt_update
  apt install --no-install-recommends --no-remove "$@" || {
    as_root dpkg --configure -a
    apt install --no-install-recommends --no-remove "$@"
  }
}

# debian_mirror SUITE: prints where apt takes that suite from, or nothing where it does not know the suite.
debian_mirror() {
  apt-get indextargets --format '$(RELEASE) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v suite="$1" '($1 == suite || $2 == suite) && $3 == "main" && !found++ { print $4 }'
}

# apt_source TYPE MIRROR SUITE: prints an entry for apt's sources.
apt_source() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\n' "$1" "$2" "$3"
  [ ! -e "$keyring" ] || echo "Signed-By: $keyring"
}
