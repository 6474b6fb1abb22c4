"""Writes tiny random GGUF models of the llama family, each for something real models do not reach.

Deterministic: the same files on every machine (raw PCG64 words, IEEE arithmetic, a pinned gguf).
Their logits by llama.cpp are in tests/golden/tiny.json, with each file's SHA-256.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import struct

import gguf
import numpy as np
from lib.random_blocks import SCALES, random_blocks
from lib.tiny_gguf import Random, add_tiny_vocabulary, byte_tokens, finish
from lib.wordpiece import add_words

Type = gguf.GGMLQuantizationType
PRE_TOKENIZERS = ["gpt-2", "llama-bpe", "qwen2"]
# One for each rule that pipit has (SplitRule in src/tokenizer/pre_tokenizer.h).
SPLIT_RULES = ["gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "tekken", "gpt-4o",
               "deepseek-coder", "default"]  # fmt: skip


@dataclasses.dataclass
class Tiny:
    """One model. head_dim None: n_embd / n_head, left out of the file as real models do."""

    name: str
    n_embd: int
    n_head: int
    n_head_kv: int
    n_ff: int
    n_layer: int = 2
    head_dim: int | None = None
    extra_tokens: int = 0  # unused tokens at the end: makes n_vocab odd or even at will
    separate_output: bool = True
    weights: Type = Type.F32
    by_tensor: dict[str, Type] = dataclasses.field(default_factory=dict)
    rope_base: float | None = 10000.0  # None: the key is left out (its default is 10000)
    rope_scaling: tuple[str, float, int] | None = None  # type, factor, original context length
    rope_factors: bool = False
    minimal: bool = False  # leaves out every key that has a default
    version: int = 3
    alignment: int | None = None
    header_only: bool = False  # a file that ends where the tensors' data would begin


MODELS = [
    Tiny("f32-gqa3", n_embd=48, n_head=3, n_head_kv=1, n_ff=80),
    Tiny("f32-tied", n_embd=40, n_head=5, n_head_kv=5, n_ff=52, separate_output=False),
    Tiny("f32-odd", n_embd=36, n_head=3, n_head_kv=3, n_ff=45, extra_tokens=4, n_layer=3),
    Tiny("f32-head-dim", n_embd=40, n_head=5, n_head_kv=1, n_ff=64, head_dim=24, extra_tokens=1),
    Tiny("f32-minimal", n_embd=32, n_head=2, n_head_kv=2, n_ff=64, rope_base=None, minimal=True),
    Tiny("f16", n_embd=64, n_head=4, n_head_kv=2, n_ff=72, weights=Type.F16),
    Tiny("bf16", n_embd=44, n_head=2, n_head_kv=1, n_ff=60, weights=Type.BF16, extra_tokens=2),
    Tiny("q4_0", n_embd=96, n_head=3, n_head_kv=1, n_ff=160, weights=Type.Q4_0),
    Tiny("q4_1-tied", n_embd=64, n_head=4, n_head_kv=4, n_ff=96, weights=Type.Q4_1,
         separate_output=False, extra_tokens=3),
    Tiny("q8_0", n_embd=64, n_head=2, n_head_kv=1, n_ff=96, head_dim=48, weights=Type.Q8_0),
    Tiny("mixed", n_embd=96, n_head=6, n_head_kv=2, n_ff=128, weights=Type.Q4_0,
         by_tensor={"token_embd": Type.F16, "output": Type.BF16, "attn_q": Type.F32,
                    "attn_k": Type.Q8_0, "attn_v": Type.Q4_1, "ffn_down": Type.F16}),
    Tiny("q5_0", n_embd=96, n_head=3, n_head_kv=1, n_ff=160, weights=Type.Q5_0),
    Tiny("q5_1", n_embd=64, n_head=4, n_head_kv=4, n_ff=96, weights=Type.Q5_1, extra_tokens=3),
    *(
        Tiny(kind.name.lower(), n_embd=256, n_head=4, n_head_kv=2, n_ff=512, n_layer=1, weights=kind)
        for kind in SCALES
    ),
    Tiny("rope-linear", n_embd=32, n_head=2, n_head_kv=1, n_ff=64,
         rope_scaling=("linear", 4.0, 32)),
    Tiny("rope-llama3", n_embd=64, n_head=2, n_head_kv=1, n_ff=64, rope_base=500000.0,
         rope_factors=True),
    Tiny("rope-yarn", n_embd=64, n_head=2, n_head_kv=2, n_ff=64,
         rope_scaling=("yarn", 4.0, 32)),
    Tiny("v2-align-64", n_embd=36, n_head=3, n_head_kv=1, n_ff=40, version=2, alignment=64),
    Tiny("align-8", n_embd=36, n_head=3, n_head_kv=1, n_ff=40, alignment=8, weights=Type.F16),
]  # fmt: skip
# Of 13 billion weights, for which WebAssembly has no room.
HUGE = Tiny("huge", n_embd=5120, n_head=40, n_head_kv=40, n_ff=13824, n_layer=40, weights=Type.F16,
            header_only=True)  # fmt: skip

# Of rows that every format's blocks divide.
ROWS_OF_256 = Tiny("rows-256", n_embd=256, n_head=4, n_head_kv=1, n_ff=256, n_layer=3,
                   weights=Type.BF16)  # fmt: skip


def add_hyper_parameters(writer: gguf.GGUFWriter, m: Tiny, n_vocab: int) -> None:
    writer.add_block_count(m.n_layer)
    writer.add_context_length(256)
    writer.add_embedding_length(m.n_embd)
    writer.add_feed_forward_length(m.n_ff)
    writer.add_head_count(m.n_head)
    writer.add_layer_norm_rms_eps(1e-5)
    if m.minimal:
        return
    head_dim = m.head_dim or m.n_embd // m.n_head
    writer.add_vocab_size(n_vocab)
    writer.add_head_count_kv(m.n_head_kv)
    writer.add_rope_dimension_count(head_dim)
    if m.head_dim:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    if m.rope_base:
        writer.add_rope_freq_base(m.rope_base)
    if m.rope_scaling:
        kind, factor, original = m.rope_scaling
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(factor)
        writer.add_rope_scaling_orig_ctx_len(original)


def llama3_rope_factors(head_dim: int, base: float) -> np.ndarray:
    """Llama 3.1's factors [head_dim / 2] (factor 8, low 1, high 4), for an original context of 32."""
    factor, low, high, original = 8.0, 1.0, 4.0, 32.0
    wavelengths = 2 * math.pi * base ** (np.arange(0, head_dim, 2) / head_dim)
    smooth = np.clip((original / wavelengths - low) / (high - low), 0.0, 1.0)
    return (1.0 / ((1.0 - smooth) / factor + smooth)).astype(np.float32)


def add_tensors(writer: gguf.GGUFWriter, m: Tiny, n_vocab: int) -> None:
    random = Random(m.name)
    head_dim = m.head_dim or m.n_embd // m.n_head

    def add(name: str, rows: int, columns: int, std: float) -> None:
        kind = m.by_tensor.get(name.split(".")[-2], m.weights)
        if m.header_only:
            shape = gguf.quants.quant_shape_to_byte_shape((rows, columns), kind)
            writer.add_tensor_info(name, shape, np.dtype(np.uint8), math.prod(shape), kind)
            return
        if kind in SCALES:
            values = random_blocks(random.bits, rows, columns, std, kind)
        else:
            values = gguf.quants.quantize(random.tensor((rows, columns), std), kind)
        writer.add_tensor(name, values, raw_dtype=kind)

    def add_norm(name: str) -> None:
        writer.add_tensor(name, random.tensor((m.n_embd,), 0.2, mean=1.0))

    def inverse_root(n: int) -> float:
        return 1.0 / math.sqrt(n)

    add("token_embd.weight", n_vocab, m.n_embd,
        1.0 if m.separate_output else 2.0 * inverse_root(m.n_embd))  # fmt: skip
    for i in range(m.n_layer):
        block = f"blk.{i}"
        # Queries are made larger, so that attention is far from uniform.
        add_norm(f"{block}.attn_norm.weight")
        add(f"{block}.attn_q.weight", m.n_head * head_dim, m.n_embd, 2 * inverse_root(m.n_embd))
        add(f"{block}.attn_k.weight", m.n_head_kv * head_dim, m.n_embd, inverse_root(m.n_embd))
        add(f"{block}.attn_v.weight", m.n_head_kv * head_dim, m.n_embd, inverse_root(m.n_embd))
        add(f"{block}.attn_output.weight", m.n_embd, m.n_head * head_dim,
            inverse_root(m.n_head * head_dim))  # fmt: skip
        add_norm(f"{block}.ffn_norm.weight")
        add(f"{block}.ffn_gate.weight", m.n_ff, m.n_embd, inverse_root(m.n_embd))
        add(f"{block}.ffn_up.weight", m.n_ff, m.n_embd, inverse_root(m.n_embd))
        add(f"{block}.ffn_down.weight", m.n_embd, m.n_ff, 2 * inverse_root(m.n_ff))
    add_norm("output_norm.weight")
    if m.separate_output:
        add("output.weight", n_vocab, m.n_embd, 2 * inverse_root(m.n_embd))
    if m.rope_factors:
        writer.add_tensor("rope_freqs.weight", llama3_rope_factors(head_dim, m.rope_base))


def write_tiny(m: Tiny, path: pathlib.Path, split_max_tensors: int = 0) -> int:
    """Writes one model, in files of `split_max_tensors` tensors unless 0, and returns its n_vocab."""
    writer = gguf.GGUFWriter(path, "llama", split_max_tensors=split_max_tensors)
    writer.add_name(f"pipit tiny {m.name}")
    if m.alignment:
        writer.add_custom_alignment(m.alignment)
    n_vocab = add_tiny_vocabulary(writer, m.extra_tokens)
    add_hyper_parameters(writer, m, n_vocab)
    add_tensors(writer, m, n_vocab)
    finish(writer, m.header_only)
    if m.version != 3:
        # Version 3 differs from 2 by allowing big-endian files only; the writer knows 3 alone.
        with path.open("r+b") as file:
            file.seek(4)
            file.write(struct.pack("<I", m.version))
    return n_vocab


def write_vocabulary(source: gguf.GGUFReader, pre: str, path: pathlib.Path) -> int:
    """A one-layer model with the vocabulary of `source` and another pre-tokenizer."""
    m = Tiny(f"vocab-{pre}", n_embd=32, n_head=1, n_head_kv=1, n_ff=32, n_layer=1,
             separate_output=False, weights=Type.Q8_0)  # fmt: skip
    writer = gguf.GGUFWriter(path, "llama")
    for key, field in source.fields.items():
        if not key.startswith("tokenizer.ggml."):
            continue
        kind, *element = field.types
        value = pre if key == "tokenizer.ggml.pre" else field.contents()
        writer.add_key_value(key, value, kind, element[-1] if element else None)
    n_vocab = len(source.fields["tokenizer.ggml.tokens"].data)
    add_hyper_parameters(writer, m, n_vocab)
    add_tensors(writer, m, n_vocab)
    finish(writer)
    return n_vocab


def write_pairs(pre: str, path: pathlib.Path) -> int:
    """A one-layer model whose tokens are the bytes and all pairs of a character's last byte and
    another's first: wherever a text can be cut, the ids tell whether it was."""
    m = Tiny(f"pairs-{pre}", n_embd=32, n_head=1, n_head_kv=1, n_ff=32, n_layer=1,
             separate_output=False, weights=Type.Q8_0)  # fmt: skip
    names = byte_tokens()
    ascii_bytes = range(0x80)
    merges = [f"{names[a]} {names[b]}"
              for a in [*ascii_bytes, *range(0x80, 0xC0)]
              for b in [*ascii_bytes, *range(0xC2, 0xF5)]]  # fmt: skip
    tokens = names + [merge.replace(" ", "") for merge in merges]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    add_hyper_parameters(writer, m, len(tokens))
    add_tensors(writer, m, len(tokens))
    finish(writer)
    return len(tokens)


def write_words(name: str, lowercase: bool, path: pathlib.Path) -> int:
    """A one-layer model with a WordPiece vocabulary."""
    m = Tiny(name, n_embd=32, n_head=1, n_head_kv=1, n_ff=32, n_layer=1, separate_output=False,
             weights=Type.Q8_0)  # fmt: skip
    writer = gguf.GGUFWriter(path, "llama")
    n_vocab = add_words(writer)
    if not lowercase:
        writer.add_bool("tokenizer.ggml.normalizer.lowercase", False)
    add_hyper_parameters(writer, m, n_vocab)
    add_tensors(writer, m, n_vocab)
    finish(writer)
    return n_vocab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write into")
    parser.add_argument("--vocab-from", metavar="MODEL.gguf", type=pathlib.Path,
                        help="also write vocab-PRE.gguf for other pre-tokenizers, with this "
                             "model's vocabulary, pairs-PRE.gguf for each rule, and "
                             "words-uncased.gguf and words-cased.gguf with WordPiece")  # fmt: skip
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    written = [(f"tiny-{m.name}", write_tiny(m, args.out / f"tiny-{m.name}.gguf")) for m in MODELS]
    write_tiny(HUGE, args.out / "huge.gguf")
    write_tiny(ROWS_OF_256, args.out / "rows-256.gguf")
    # tiny-f16 once more, as split-00001-of-00003.gguf and so on.
    write_tiny(next(m for m in MODELS if m.name == "f16"), args.out / "split.gguf", 8)
    if args.vocab_from:
        source = gguf.GGUFReader(args.vocab_from)
        for pre in PRE_TOKENIZERS:
            name = f"vocab-{pre}"
            written.append((name, write_vocabulary(source, pre, args.out / f"{name}.gguf")))
        for pre in SPLIT_RULES:
            name = f"pairs-{pre}"
            written.append((name, write_pairs(pre, args.out / f"{name}.gguf")))
        for name in ["words-uncased", "words-cased"]:
            n_vocab = write_words(name, name == "words-uncased", args.out / f"{name}.gguf")
            written.append((name, n_vocab))
    listing = [{"name": name, "file": f"{name}.gguf", "n_vocab": n} for name, n in written]
    (args.out / "models.json").write_text(json.dumps(listing, indent=1) + "\n")


if __name__ == "__main__":
    main()
