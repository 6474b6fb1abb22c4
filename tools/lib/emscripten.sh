# Emscripten on Debian 12, whose own is too old: Debian 13's, which installs there, with Debian 13's binaryen, which
# does not (it needs a newer libc) and is therefore unpacked with its libraries into .toolchain/binaryen.
# shellcheck shell=bash

emscripten_sources=/etc/apt/sources.list.d/pipit-emscripten.sources
emscripten_preferences=/etc/apt/preferences.d/pipit-emscripten

emscripten_ready() {
  local folder
  folder=$(find_emscripten) || exit 1
  [ -n "$folder" ] || return 1
  [ "$folder" = "$debian_emscripten" ] || return 0
  debian_emscripten_ready && binaryen_ready
}

debian_emscripten_ready() {
  debian_emscripten_installed && [ -e "$debian_emscripten/node_modules/acorn" ]
}

# Its files alone do not show that dpkg was not interrupted half-way.
debian_emscripten_installed() {
  [ -n "$(find_emscripten)" ] &&
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' emscripten 2>/dev/null)" = installed ]
}

binaryen_ready() {
  stamp_matches binaryen "$binaryen_package$binaryen_libraries" && [ -x "$toolchain/binaryen/bin/wasm-opt" ]
}

install_emscripten() {
  check_debian
  if ! debian_emscripten_installed; then
    add_emscripten_suite
    local name version sha256
    read -r name version sha256 <<<"$emscripten_package"
    # apt makes sure that a package is what its signed index says, so it is the index that has to agree with the pin.
    local indexed
    indexed=$(apt-cache show "$name=$version" 2>/dev/null | sed -n 's/^SHA256: //p' | head -n 1)
    [ "$indexed" = "$sha256" ] ||
      die "the mirror has no $name $version with the pinned SHA-256 (it says '${indexed}'). $install_it_yourself"
    apt_install "$name=$version"
    [ -n "$(find_emscripten)" ] || die "another, older em++ comes first on PATH: $(command -v em++). $install_it_yourself"
  fi
  # Emscripten's JavaScript optimiser imports acorn; only Debian's own Node would find it where Debian has it.
  as_root mkdir -p "$debian_emscripten/node_modules"
  as_root ln -sfn /usr/share/nodejs/acorn "$debian_emscripten/node_modules/acorn"
}

install_it_yourself="Install Emscripten $emscripten_minimum or newer yourself (for instance with emsdk), and put em++ on PATH or its folder into PIPIT_EMSCRIPTEN."

check_debian() {
  local found
  found=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
  [ "$found" = "$debian_release" ] && [ "$(dpkg --print-architecture)" = amd64 ] ||
    die "set-up can install Emscripten on Debian 12 for amd64 only. $install_it_yourself"
}

# Adds the suite beside the machine's own, from the same mirror, at a priority at which apt never prefers it.
add_emscripten_suite() {
  local mirror
  mirror=$(debian_mirror "$debian_release")
  [ -n "$mirror" ] || die "apt has no source for the suite $debian_release, so the mirror is unknown. $install_it_yourself"
  {
    echo "# Emscripten for pipit (tools/setup.sh); $(basename "$emscripten_preferences") keeps everything else out."
    apt_source deb "$mirror" "$emscripten_release"
  } >"$work/sources"
  printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$emscripten_release" >"$work/preferences"
  # The priority has to be in force before the suite is.
  as_root install -m 644 "$work/preferences" "$emscripten_preferences"
  as_root install -m 644 "$work/sources" "$emscripten_sources"
  apt_updated=no
  apt_update
}

# download_package EXACTNESS NAME VERSION SHA256 into $work/debs; EXACTNESS is exact, or current where the release's
# current version will do once the mirror has dropped the pinned one.
download_package() {
  local exactness=$1 name=$2 version=$3 sha256=$4 file
  rm -rf "$work/deb"
  mkdir "$work/deb"
  if (cd "$work/deb" && apt-get download -o APT::Sandbox::User="$(id -un)" "$name=$version"); then
    file=$(echo "$work"/deb/*.deb)
    echo "$sha256  $file" | sha256sum --check --quiet ||
      die "$name $version from the mirror does not have the pinned SHA-256 $sha256; do not use this mirror."
  elif [ "$exactness" = current ]; then
    say "the mirror no longer has $name $version; taking the current one of $emscripten_release (signed by Debian)"
    (cd "$work/deb" && apt-get download -o APT::Sandbox::User="$(id -un)" "$name/$emscripten_release")
  else
    die "the mirror no longer has $name $version. $install_it_yourself"
  fi
  mv "$work"/deb/*.deb "$work/debs/"
}

install_binaryen() {
  local line deb tool
  [ -e "$emscripten_sources" ] || { check_debian && add_emscripten_suite; }
  mkdir -p "$work/debs" "$work/binaryen/bin"
  # shellcheck disable=SC2086 # a pin is three words
  download_package exact $binaryen_package
  while read -r line; do
    # shellcheck disable=SC2086
    [ -z "$line" ] || download_package current $line
  done <<<"$binaryen_libraries"
  for deb in "$work"/debs/*.deb; do
    dpkg-deb --extract "$deb" "$work/binaryen/root"
  done
  rm -rf "$work/binaryen/root/usr/share"
  cat >"$work/binaryen/bin/wrapper" <<'END'
#!/bin/sh
# Starts a binaryen tool with the C library it was built for.
root=$(dirname "$0")/../root
lib=$root/usr/lib/x86_64-linux-gnu
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$lib/binaryen" "$root/usr/bin/${0##*/}" "$@"
END
  chmod +x "$work/binaryen/bin/wrapper"
  for tool in "$work"/binaryen/root/usr/bin/wasm*; do
    ln -s wrapper "$work/binaryen/bin/$(basename "$tool")"
  done
  "$work/binaryen/bin/wasm-opt" --version
  rm -rf "$toolchain/binaryen"
  mv "$work/binaryen" "$toolchain/binaryen"
  write_stamp binaryen "$binaryen_package$binaryen_libraries"
}
