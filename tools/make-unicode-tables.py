"""Writes src/tokenizer/unicode_tables.cc: the classes of characters in Unicode 15.1 as ranges, their
lower case, and what their canonical decomposition begins with.

    python3.13 tools/make-unicode-tables.py

All of it comes from Python's own unicodedata, whose version must be 15.1.0 (Python 3.13), because
llama.cpp's tables, with which pipit's token ids are compared, are of that version.
"""

import pathlib
import sys
import unicodedata
from collections.abc import Callable, Iterable

UNICODE_VERSION = "15.1.0"
OUTPUT = pathlib.Path(__file__).parent.parent / "src" / "tokenizer" / "unicode_tables.cc"
OTHER, LETTER, NUMBER, SPACE, MARK, PUNCTUATION, CONTROL = range(7)  # CharClass in unicode.h

# White_Space of PropList.txt, which unicodedata does not have.
WHITE_SPACE = {
    *range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680,
    *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
}


def char_class(code_point: int) -> int:
    if code_point in WHITE_SPACE:
        return SPACE
    classes = {"L": LETTER, "N": NUMBER, "M": MARK, "P": PUNCTUATION, "C": CONTROL}
    category = unicodedata.category(chr(code_point))
    return OTHER if category == "Cn" else classes.get(category[0], OTHER)


def boundaries() -> list[int]:
    """code_point << 3 | class wherever the class changes."""
    entries = []
    previous = None
    for code_point in range(0x110000):
        current = char_class(code_point)
        if current != previous:
            entries.append(code_point << 3 | current)
        previous = current
    return entries


# What a run of characters maps to, from its first one's target on: MappedRun in unicode.h. Each is
# the distance between characters, and the target's of the i-th one.
PATTERNS: list[tuple[int, Callable[[int], int]]] = [
    (1, lambda i: 0),  # all to one: ÀÁÂ to A
    (1, lambda i: i),  # a row to a row: ABC to abc
    (2, lambda i: 2 * i),  # every other one to its neighbour: ĀĂĄ to āăą
    (1, lambda i: 32 * (i & 1)),  # capital and small letters in turn: ĀāĂă to AaAa
]
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic
# CJK compatibility ideographs, whose targets have no pattern.
IDEOGRAPHS = [range(0xF900, 0xFADA), range(0x2F800, 0x2FA1E)]


def to_lower(code_point: int) -> int:
    return ord(chr(code_point).lower()[0])


def first_of_nfd(code_point: int) -> int:
    return ord(unicodedata.normalize("NFD", chr(code_point))[0])


def runs(target: Callable[[int], int], left_out: Iterable[range] = ()) -> list[tuple[int, int]]:
    """(first << 11 | length - 1, target << 2 | pattern) of the longest run from each place on."""
    pairs = [(c, target(c)) for c in range(0x110000) if not any(c in part for part in left_out)]
    pairs = [(c, to) for c, to in pairs if c != to]
    entries = []
    while pairs:
        (first, to), best = pairs[0], (0, 0)
        for pattern, (distance, shift) in enumerate(PATTERNS):
            n = 1
            while pairs[n : n + 1] == [(first + distance * n, to + shift(n))]:
                n += 1
            best = max(best, (n, -pattern))
        entries.append((first << 11 | best[0] - 1, to << 2 | -best[1]))
        del pairs[: best[0]]
    return entries


def array(name: str, entries: list[int] | list[tuple[int, int]]) -> list[str]:
    """The lines of a C++ array of numbers or of MappedRun."""
    lines, line = [], "   "
    for entry in entries:
        item = f" {entry:#x}," if isinstance(entry, int) else f" {{{entry[0]:#x}, {entry[1]:#x}}},"
        if len(line) + len(item) > 100:
            lines.append(line)
            line = "   "
        line += item
    kind = "uint32_t" if isinstance(entries[0], int) else "MappedRun"
    return [f"constexpr {kind} {name}[{len(entries)}] = {{", *lines, line, "};"]


def main() -> None:
    if unicodedata.unidata_version != UNICODE_VERSION:
        sys.exit(
            f"This Python {sys.version.split()[0]} has Unicode {unicodedata.unidata_version}, "
            f"but {UNICODE_VERSION} is needed: run it with Python 3.13."
        )
    tables = {
        "kBoundaries": boundaries(),
        "kLowerCase": runs(to_lower),
        "kDecompositions": runs(first_of_nfd, [HANGUL, *IDEOGRAPHS]),
        "kIdeographs": [first_of_nfd(c) for part in IDEOGRAPHS for c in part],
    }
    lines = [
        f"// Classes of characters, their lower case and decompositions in Unicode {UNICODE_VERSION}.",
        "// Generated: do not edit. Made by python3.13 tools/make-unicode-tables.py",
        '#include "tokenizer/unicode.h"',
        "",
        "namespace pipit {",
        "namespace {",
        "",
        "// clang-format off",
    ]
    for name, entries in tables.items():
        lines += array(name, entries)
    lines += [
        "// clang-format on",
        "",
        "}  // namespace",
        "",
        "std::span<const uint32_t> char_class_boundaries() { return kBoundaries; }",
        "std::span<const MappedRun> lower_case_runs() { return kLowerCase; }",
        "std::span<const MappedRun> decomposition_runs() { return kDecompositions; }",
        "std::span<const uint32_t> ideograph_decompositions() { return kIdeographs; }",
        "",
        "}  // namespace pipit",
    ]
    OUTPUT.write_text("\n".join(lines) + "\n")
    print(OUTPUT.name + ":", ", ".join(f"{name} {len(entries)}" for name, entries in tables.items()))


if __name__ == "__main__":
    main()
