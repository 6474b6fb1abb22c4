"""Writes tiny random GGUF models of the architecture families, each with what its family has.

Deterministic, as make-tiny-models.py. Their logits by llama.cpp are in
tests/golden/architectures.json, with each file's SHA-256.
"""

import argparse
import dataclasses
import json
import math
import pathlib

import gguf
import numpy as np
from lib.tiny_gguf import Random, add_tiny_vocabulary, finish

Type = gguf.GGMLQuantizationType
N_EMBD, N_FF, N_CTX = 40, 56, 256


@dataclasses.dataclass
class Tiny:
    """One model. `keys` are its family's own, without the architecture's name in front."""

    name: str
    arch: str
    keys: dict[str, int | float | bool | str | list[bool]] = dataclasses.field(default_factory=dict)
    n_layer: int = 2
    n_head: int = 2
    n_head_kv: int = 1
    head_dim: int | None = None  # None: n_embd / n_head
    separate_output: bool = False
    norm_places: str = "before"  # after, both
    has_layer_norm: bool = False
    qk_norm: str | None = None  # heads, all
    biases: tuple[str, ...] = ()
    fused: bool = False
    rope_factors: int = 0  # how many LongRoPE has for short and for long contexts
    weights: Type = Type.F32

    def key_length(self) -> int:
        return self.head_dim or N_EMBD // self.n_head


QKV = ("attn_q", "attn_k", "attn_v")
GEMMA3 = {"rope.freq_base": 1e6, "attention.sliding_window": 16}
PHI3 = {"rope.scaling.attn_factor": 1.19}
MODELS = [
    Tiny("llama-biases", "llama", biases=(*QKV, "attn_output", "ffn_gate", "ffn_up", "ffn_down")),
    Tiny("qwen2", "qwen2", {"rope.freq_base": 1e6}, biases=QKV),
    Tiny("qwen2-f16", "qwen2", n_head=4, n_head_kv=2, biases=QKV, weights=Type.F16),
    Tiny("qwen3", "qwen3", {"rope.freq_base": 1e6}, head_dim=32, qk_norm="heads"),
    Tiny("gemma2", "gemma2", {"attention.sliding_window": 16, "attn_logit_softcapping": 2.0,
                              "final_logit_softcapping": 3.0},
         n_layer=4, head_dim=24, norm_places="both"),
    Tiny("gemma3", "gemma3", GEMMA3, n_layer=7, head_dim=32, norm_places="both", qk_norm="heads"),
    Tiny("gemma3-linear", "gemma3",
         {**GEMMA3, "rope.scaling.type": "linear", "rope.scaling.factor": 8.0},
         n_layer=6, n_head=3, head_dim=256, norm_places="both", qk_norm="heads", weights=Type.F16),
    Tiny("phi3-long", "phi3", {**PHI3, "rope.scaling.original_context_length": 32},
         n_head_kv=2, fused=True, rope_factors=10, separate_output=True),
    Tiny("phi3-short", "phi3", {**PHI3, "rope.scaling.original_context_length": 4096,
                                "rope.dimension_count": 12},
         fused=True, rope_factors=6),
    Tiny("granite", "granite", {"embedding_scale": 3.0, "residual_scale": 0.7,
                                "attention.scale": 0.3, "logit_scale": 0.5}),
    Tiny("olmo2", "olmo2", n_head_kv=2, norm_places="after", qk_norm="all", separate_output=True),
    Tiny("olmo3", "olmo2", {"rope.freq_base": 5e5, "attention.sliding_window": 16,
                            "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
                            "rope.scaling.original_context_length": 64},
         n_layer=5, n_head_kv=2, norm_places="after", qk_norm="all", separate_output=True),
    Tiny("smollm3", "smollm3", {"rope.freq_base": 5e6}, n_layer=5, n_head=4, n_head_kv=2),
    Tiny("stablelm", "stablelm", {"rope.dimension_count": 8}, biases=QKV, has_layer_norm=True,
         separate_output=True),
]  # fmt: skip


def add_hyper_parameters(writer: gguf.GGUFWriter, m: Tiny) -> None:
    eps = "layer_norm_epsilon" if m.has_layer_norm else "layer_norm_rms_epsilon"
    keys = {
        "block_count": m.n_layer,
        "context_length": N_CTX,
        "embedding_length": N_EMBD,
        "feed_forward_length": N_FF,
        "attention.head_count": m.n_head,
        "attention.head_count_kv": m.n_head_kv,
        f"attention.{eps}": 1e-5,
    }
    if m.head_dim:
        keys |= {"attention.key_length": m.head_dim, "attention.value_length": m.head_dim}
    if "rope.dimension_count" not in m.keys:
        keys["rope.dimension_count"] = m.key_length()
    add = {
        bool: writer.add_bool,
        int: writer.add_uint32,
        float: writer.add_float32,
        str: writer.add_string,
        list: writer.add_array,
    }
    for key, value in {**keys, **m.keys}.items():
        add[type(value)](f"{m.arch}.{key}", value)


def add_tensors(writer: gguf.GGUFWriter, m: Tiny, n_vocab: int) -> None:
    random = Random(m.name)
    n_q, n_kv = m.n_head * m.key_length(), m.n_head_kv * m.key_length()

    def add_vector(name: str, n: int, mean: float = 1.0) -> None:
        writer.add_tensor(name, random.tensor((n,), 0.2, mean=mean))

    def add_norm(name: str, n: int = N_EMBD) -> None:
        add_vector(f"{name}.weight", n)
        if m.has_layer_norm:
            add_vector(f"{name}.bias", n, mean=0.0)

    def matrix(rows: int, columns: int, gain: float = 1.0) -> np.ndarray:
        return random.tensor((rows, columns), gain / math.sqrt(columns))

    def add(name: str, *parts: np.ndarray) -> None:
        values = gguf.quants.quantize(np.concatenate(parts), m.weights)
        writer.add_tensor(f"{name}.weight", values, raw_dtype=m.weights)
        if name.split(".")[-1] in m.biases:
            add_vector(f"{name}.bias", sum(len(part) for part in parts), mean=0.0)

    add("token_embd", matrix(n_vocab, N_EMBD, 2.0))
    for i in range(m.n_layer):
        block = f"blk.{i}"
        if m.norm_places != "after":
            add_norm(f"{block}.attn_norm")
        # Queries are made larger, so that attention is far from uniform.
        q, k, v = matrix(n_q, N_EMBD, 2.0), matrix(n_kv, N_EMBD), matrix(n_kv, N_EMBD)
        if m.fused:
            add(f"{block}.attn_qkv", q, k, v)
        else:
            for name, values in zip(QKV, (q, k, v), strict=True):
                add(f"{block}.{name}", values)
        if m.qk_norm:
            add_norm(f"{block}.attn_q_norm", n_q if m.qk_norm == "all" else m.key_length())
            add_norm(f"{block}.attn_k_norm", n_kv if m.qk_norm == "all" else m.key_length())
        add(f"{block}.attn_output", matrix(N_EMBD, n_q))
        if m.norm_places != "before":
            add_norm(f"{block}.post_attention_norm")
        if m.norm_places != "after":
            add_norm(f"{block}.ffn_norm")
        gate, up = matrix(N_FF, N_EMBD), matrix(N_FF, N_EMBD)
        if m.fused:
            add(f"{block}.ffn_up", gate, up)
        else:
            add(f"{block}.ffn_gate", gate)
            add(f"{block}.ffn_up", up)
        add(f"{block}.ffn_down", matrix(N_EMBD, N_FF, 2.0))
        if m.norm_places != "before":
            add_norm(f"{block}.post_ffw_norm")
    add_norm("output_norm")
    if m.separate_output:
        add("output", matrix(n_vocab, N_EMBD, 2.0))
    if m.rope_factors:
        add_vector("rope_factors_long.weight", m.rope_factors, mean=4.0)
        add_vector("rope_factors_short.weight", m.rope_factors, mean=1.5)


def write_tiny(m: Tiny, path: pathlib.Path, add_vocabulary=add_tiny_vocabulary) -> int:
    """Writes one model and returns its n_vocab."""
    writer = gguf.GGUFWriter(path, m.arch)
    writer.add_name("pipit tiny")  # from some names llama.cpp infers what the vocabulary has
    n_vocab = add_vocabulary(writer, 0)
    add_hyper_parameters(writer, m)
    add_tensors(writer, m, n_vocab)
    finish(writer)
    return n_vocab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write into")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    listing = []
    for m in MODELS:
        file = f"tiny-{m.name}.gguf"
        n_vocab = write_tiny(m, args.out / file)
        listing.append({"name": m.name, "file": file, "n_vocab": n_vocab})
    (args.out / "models.json").write_text(json.dumps(listing, indent=1) + "\n")


if __name__ == "__main__":
    main()
