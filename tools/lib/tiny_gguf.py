"""What the generators of tiny models share: random numbers, a small vocabulary, the file's end.

Deterministic: the same on every machine (raw PCG64 words, IEEE arithmetic, a pinned gguf).
"""

import hashlib
import math

import gguf
import numpy as np

MERGES = ["\u0120 t", "h e", "i n", "\u0120t he", "r e", "\u0120 a", "in g", "o n"]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


class Random:
    """Uniform numbers with a given standard deviation from raw PCG64 words."""

    def __init__(self, seed: str) -> None:
        digest = hashlib.sha256(seed.encode()).digest()
        self.bits = np.random.PCG64(int.from_bytes(digest[:8], "little"))

    def tensor(self, shape: tuple[int, ...], std: float, mean: float = 0.0) -> np.ndarray:
        words = self.bits.random_raw(math.prod(shape)) >> np.uint64(40)
        unit = words.astype(np.float64) / float(1 << 23) - 1.0  # [-1, 1)
        return (mean + std * math.sqrt(3.0) * unit).reshape(shape).astype(np.float32)


def byte_tokens() -> list[str]:
    """GPT-2's names of the 256 bytes: printable ones stand for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    names, others = [], 0
    for byte in range(256):
        if byte in printable:
            names.append(chr(byte))
        else:
            names.append(chr(256 + others))
            others += 1
    return names


def add_tiny_vocabulary(writer: gguf.GGUFWriter, extra_tokens: int) -> int:
    merged = [merge.replace(" ", "") for merge in MERGES]
    unused = [f"<unused{i}>" for i in range(extra_tokens)]
    tokens = byte_tokens() + merged + SPECIAL + unused
    n_normal = 256 + len(merged)
    types = [gguf.TokenType.NORMAL] * n_normal + [gguf.TokenType.CONTROL] * len(SPECIAL)
    types += [gguf.TokenType.UNUSED] * extra_tokens
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(n_normal)
    writer.add_eos_token_id(n_normal + 2)
    return len(tokens)


def add_sentencepiece_vocabulary(writer: gguf.GGUFWriter, extra_tokens: int) -> int:
    merged = [merge.replace(" ", "").replace("\u0120", "\u2581") for merge in MERGES]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *merged]
    tokens += [f"<unused{i}>" for i in range(extra_tokens)]
    types = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256]
    types += [gguf.TokenType.NORMAL] * len(merged) + [gguf.TokenType.UNUSED] * extra_tokens
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    return len(tokens)


def add_wordpieces(writer: gguf.GGUFWriter, pieces: list[str]) -> int:
    """As converters write BERT's: U+2581 in front of what begins a word, nothing where it goes on."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *pieces]
    types = [gguf.TokenType.CONTROL] * len(special)
    types += [
        gguf.TokenType.UNUSED if piece.startswith("[unused") else gguf.TokenType.NORMAL
        for piece in pieces
    ]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    for key, token in [("pad", 0), ("unk", 1), ("bos", 2), ("sep", 3), ("mask", 4)]:
        getattr(writer, f"add_{key}_token_id")(token)
    return len(tokens)


def add_wordpiece_vocabulary(writer: gguf.GGUFWriter) -> int:
    characters = [*"abcdefghijklmnopqrstuvwxyz0123456789"]
    words = ["the", "of", "and", "cat", "dog", "sat", "on", "mat", "rain", "sun", "read", "book"]
    starts = ["\u2581" + text for text in [*characters, *".,!?-'", *words]]
    return add_wordpieces(writer, [*starts, *characters, "ing", "ed"])


def finish(writer: gguf.GGUFWriter, header_only: bool = False) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    if header_only:
        writer.write_ti_data_to_file()
    else:
        writer.write_tensors_to_file()
    writer.close()
