"""A WordPiece vocabulary for the golden token ids: characters of many scripts, words, endings."""

import gguf

from lib.tiny_gguf import add_wordpieces

# Stand alone and within words; letters in lower case, some with accents for the cased vocabulary.
CHARACTERS = [
    range(0x21, 0x7F), range(0xA1, 0xAD), range(0xAE, 0xC0), range(0xD7, 0xD8), range(0xDF, 0x100),
    range(0x300, 0x304), range(0x3B1, 0x3CA), range(0x430, 0x450), range(0x5D0, 0x5EB),
    range(0x660, 0x66A), range(0x905, 0x93A), range(0xE01, 0xE31), range(0x1100, 0x1113),
    range(0x2190, 0x21A0), range(0x2460, 0x2470), range(0x2581, 0x2582), range(0x3041, 0x3097),
    range(0x4E00, 0x9FA6, 0x60), range(0x1F600, 0x1F620), range(0x20000, 0x2A6D7, 0x400),
]  # fmt: skip
WORDS = """the of and to in is was for on that with he it as his at by she from had this not are but
they have which one you were all her would their there been has when who him more if no out so said what up its
about than them can only other time new some could these two may first then do any like my now over such our man
me even most made after also did many off before must well back through years much where your way down should
because long each just those people too little state good very make world still see own men work get here between
hello play question answer token model text café straße één привет мир καλημέρα""".split()
ENDINGS = """s ed er ing ly ness ment tion able ful less est ism ist ity ous ive al en ize
play word piece token un re in dis""".split()


def add_words(writer: gguf.GGUFWriter) -> int:
    characters = [chr(c) for part in CHARACTERS for c in part]
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    goes_on = [*characters, *(a + b for a in letters for b in letters), *ENDINGS]
    begins = [f"\u2581{text}" for text in [*characters, *WORDS, *ENDINGS]]
    return add_wordpieces(writer, ["[unused0]", *dict.fromkeys([*begins, *goes_on])])  # each once
