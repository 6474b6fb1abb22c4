"""Writes src/tokenizer/unicode_tables.cc: the classes of characters in Unicode 15.1 as ranges.

    python3.13 tools/make-unicode-tables.py

The categories come from Python's own unicodedata, whose version must be 15.1.0 (Python 3.13),
because llama.cpp's tables, with which pipit's token ids are compared, are of that version.
"""

import pathlib
import sys
import unicodedata

UNICODE_VERSION = "15.1.0"
OUTPUT = pathlib.Path(__file__).parent.parent / "src" / "tokenizer" / "unicode_tables.cc"
OTHER, LETTER, NUMBER, SPACE, MARK, PUNCTUATION = range(6)  # CharClass in unicode.h

# White_Space of PropList.txt, which unicodedata does not have.
WHITE_SPACE = {
    *range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680,
    *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
}


def char_class(code_point: int) -> int:
    if code_point in WHITE_SPACE:
        return SPACE
    classes = {"L": LETTER, "N": NUMBER, "M": MARK, "P": PUNCTUATION}
    return classes.get(unicodedata.category(chr(code_point))[0], OTHER)


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


def rows(entries: list[int], columns: int = 100, indent: str = "    ") -> list[str]:
    lines, line = [], indent
    for entry in entries:
        item = f"{entry:#x}, "
        if len(line) + len(item.rstrip()) > columns:
            lines.append(line.rstrip())
            line = indent
        line += item
    return [*lines, line.rstrip()]


def main() -> None:
    if unicodedata.unidata_version != UNICODE_VERSION:
        sys.exit(
            f"This Python {sys.version.split()[0]} has Unicode {unicodedata.unidata_version}, "
            f"but {UNICODE_VERSION} is needed: run it with Python 3.13."
        )
    entries = boundaries()
    lines = [
        f"// The classes of characters in Unicode {UNICODE_VERSION}.",
        "// Generated: do not edit. Made by python3.13 tools/make-unicode-tables.py",
        '#include "tokenizer/unicode.h"',
        "",
        "namespace pipit {",
        "namespace {",
        "",
        "// clang-format off",
        f"constexpr uint32_t kBoundaries[{len(entries)}] = {{",
        *rows(entries),
        "};",
        "// clang-format on",
        "",
        "}  // namespace",
        "",
        "std::span<const uint32_t> char_class_boundaries() { return kBoundaries; }",
        "",
        "}  // namespace pipit",
    ]
    OUTPUT.write_text("\n".join(lines) + "\n")
    print(f"{OUTPUT.name}: {len(entries)} entries, {4 * len(entries)} bytes")


if __name__ == "__main__":
    main()
