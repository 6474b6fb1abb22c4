"""Writes tiny random GGUF models that make embeddings: encoders, and a language model with pooling.

Deterministic, as make-tiny-models.py. Their vectors by llama.cpp are in
tests/golden/embeddings.json, with each file's SHA-256.
"""

import argparse
import dataclasses
import json
import math
import pathlib

import gguf
from lib.tiny_gguf import Random, add_tiny_vocabulary, add_wordpiece_vocabulary, finish

Type = gguf.GGMLQuantizationType
N_CTX = 256


@dataclasses.dataclass
class Tiny:
    """One model. The rows are in whole groups of 32, so that all formats divide them."""

    name: str
    arch: str
    pooling: gguf.PoolingType
    n_layer: int = 2
    n_embd: int = 64
    n_head: int = 4
    n_head_kv: int = 4
    n_ff: int = 96
    weights: Type = Type.F32
    keys: dict[str, int | float | bool] = dataclasses.field(default_factory=dict)


MEAN, CLS, LAST = gguf.PoolingType.MEAN, gguf.PoolingType.CLS, gguf.PoolingType.LAST
MODELS = [
    Tiny("bert-mean", "bert", MEAN),
    Tiny("bert-cls", "bert", CLS, n_layer=3, n_embd=96, n_head=2, n_head_kv=2, weights=Type.F16),
    Tiny("bert-q8", "bert", MEAN, weights=Type.Q8_0),
    Tiny("nomic", "nomic-bert", MEAN, keys={"rope.freq_base": 1000.0, "rope.dimension_count": 16}),
    Tiny("qwen3-last", "qwen3", LAST, n_head_kv=2,
         keys={"rope.freq_base": 1e6, "rope.dimension_count": 16, "attention.key_length": 16,
               "attention.value_length": 16}),
]  # fmt: skip


def add_hyper_parameters(writer: gguf.GGUFWriter, m: Tiny) -> None:
    is_encoder = m.arch != "qwen3"
    norm = "layer_norm_epsilon" if is_encoder else "layer_norm_rms_epsilon"
    keys = {
        "block_count": m.n_layer,
        "context_length": N_CTX,
        "embedding_length": m.n_embd,
        "feed_forward_length": m.n_ff,
        "attention.head_count": m.n_head,
        "attention.head_count_kv": m.n_head_kv,
        f"attention.{norm}": 1e-5,
        "pooling_type": int(m.pooling),
    }
    if is_encoder:
        keys["attention.causal"] = False
        writer.add_token_type_count(2)
    add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32}
    for key, value in {**keys, **m.keys}.items():
        add[type(value)](f"{m.arch}.{key}", value)


def add_tensors(writer: gguf.GGUFWriter, m: Tiny, n_vocab: int) -> None:
    random = Random(m.name)
    is_encoder, is_bert = m.arch != "qwen3", m.arch == "bert"
    n_head_dim = m.n_embd // m.n_head
    n_kv = m.n_head_kv * n_head_dim

    def add_vector(name: str, n: int, mean: float) -> None:
        writer.add_tensor(name, random.tensor((n,), 0.2, mean=mean))

    def add_norm(name: str, n: int = m.n_embd) -> None:
        add_vector(f"{name}.weight", n, 1.0)
        if is_encoder:
            add_vector(f"{name}.bias", n, 0.0)

    def add(name: str, rows: int, columns: int, gain: float = 1.0, kind: Type = m.weights) -> None:
        values = random.tensor((rows, columns), gain / math.sqrt(columns))
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
        if is_bert and name.startswith("blk."):
            add_vector(f"{name}.bias", rows, 0.0)

    add("token_embd", n_vocab, m.n_embd, 4.0)
    if is_encoder:
        add("token_types", 2, m.n_embd, 2.0, Type.F32)
        add_norm("token_embd_norm")
    if is_bert:
        add("position_embd", N_CTX, m.n_embd, 2.0, Type.F32)
    for i in range(m.n_layer):
        block = f"blk.{i}"
        if not is_encoder:
            add_norm(f"{block}.attn_norm")
            add_norm(f"{block}.attn_q_norm", n_head_dim)
            add_norm(f"{block}.attn_k_norm", n_head_dim)
        if m.arch == "nomic-bert":
            add(f"{block}.attn_qkv", m.n_embd + 2 * n_kv, m.n_embd, 1.5)
        else:
            add(f"{block}.attn_q", m.n_embd, m.n_embd, 2.0)
            add(f"{block}.attn_k", n_kv, m.n_embd)
            add(f"{block}.attn_v", n_kv, m.n_embd)
        add(f"{block}.attn_output", m.n_embd, m.n_embd)
        add_norm(f"{block}.attn_output_norm" if is_encoder else f"{block}.ffn_norm")
        if not is_bert:
            add(f"{block}.ffn_gate", m.n_ff, m.n_embd)
        add(f"{block}.ffn_up", m.n_ff, m.n_embd)
        add(f"{block}.ffn_down", m.n_embd, m.n_ff, 2.0)
        if is_encoder:
            add_norm(f"{block}.layer_output_norm")
    if not is_encoder:
        add_norm("output_norm")


def write_tiny(m: Tiny, path: pathlib.Path) -> None:
    writer = gguf.GGUFWriter(path, m.arch)
    writer.add_name("pipit tiny")
    if m.arch == "qwen3":
        n_vocab = add_tiny_vocabulary(writer, 0)
    else:
        n_vocab = add_wordpiece_vocabulary(writer)
    add_hyper_parameters(writer, m)
    add_tensors(writer, m, n_vocab)
    finish(writer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write into")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    listing = []
    for m in MODELS:
        file = f"tiny-{m.name}.gguf"
        write_tiny(m, args.out / file)
        ends = {"prefix": [2], "suffix": [3]} if m.arch != "qwen3" else {"prefix": [], "suffix": []}
        listing.append({"name": m.name, "file": file, **ends})
    (args.out / "models.json").write_text(json.dumps(listing, indent=1) + "\n")


if __name__ == "__main__":
    main()
