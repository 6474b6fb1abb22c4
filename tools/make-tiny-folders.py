"""Writes tiny Hugging Face folders of the families that pipit converts, each beside the GGUF file
that it must become: NAME/ and NAME.gguf.

The GGUF files are those of make-tiny-architectures.py, -encoders.py and -models.py; here their
tensors get the names, and their rows the order, that transformers has.
"""

import argparse
import importlib
import json
import pathlib
import re
import struct

import gguf
import numpy as np
from lib.tiny_gguf import MERGES, SPECIAL, add_sentencepiece_vocabulary, byte_tokens

architectures = importlib.import_module("make-tiny-architectures")
encoders = importlib.import_module("make-tiny-encoders")
models = importlib.import_module("make-tiny-models")

GGUF_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_qkv": "self_attn.qkv_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
BEHIND = {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
NAMES = {
    "gemma2": BEHIND,
    "gemma3": BEHIND,
    "olmo2": BEHIND,
    "phi3": {"ffn_up": "mlp.gate_up_proj"},
    "bert": {
        "token_embd": "embeddings.word_embeddings",
        "token_types": "embeddings.token_type_embeddings",
        "position_embd": "embeddings.position_embeddings",
        "token_embd_norm": "embeddings.LayerNorm",
        "attn_q": "attention.self.query",
        "attn_k": "attention.self.key",
        "attn_v": "attention.self.value",
        "attn_output": "attention.output.dense",
        "attn_output_norm": "attention.output.LayerNorm",
        "ffn_up": "intermediate.dense",
        "ffn_down": "output.dense",
        "layer_output_norm": "output.LayerNorm",
    },
    "nomic-bert": {
        "token_embd": "embeddings.word_embeddings",
        "token_types": "embeddings.token_type_embeddings",
        "token_embd_norm": "emb_ln",
        "attn_qkv": "attn.Wqkv",
        "attn_output": "attn.out_proj",
        "attn_output_norm": "norm1",
        "ffn_up": "mlp.fc11",
        "ffn_gate": "mlp.fc12",
        "ffn_down": "mlp.fc2",
        "layer_output_norm": "norm2",
    },
}
LAYERS = {"bert": "encoder.layer", "nomic-bert": "encoder.layers"}
POOLING = {1: "pooling_mode_mean_tokens", 2: "pooling_mode_cls_token", 3: "pooling_mode_lasttoken"}
PERMUTED = ("llama", "granite", "smollm3")

# What a family's config.json has beside what all have: by a field of the GGUF file, or as it is.
FIELDS = {
    "LlamaForCausalLM": {},
    "Qwen2ForCausalLM": {"use_sliding_window": False, "sliding_window": 4096},
    "Qwen3ForCausalLM": {},
    "Gemma2ForCausalLM": {
        "attn_logit_softcapping": "$attn_logit_softcapping",
        "final_logit_softcapping": "$final_logit_softcapping",
        "sliding_window": "$attention.sliding_window",
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": "$attention.key_length",
    },
    "Gemma3ForCausalLM": {
        "sliding_window": "$attention.sliding_window",
        "sliding_window_pattern": 6,
        "rope_local_base_freq": 10000.0,
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": "$attention.key_length",
    },
    "Phi3ForCausalLM": {
        "original_max_position_embeddings": "$rope.scaling.original_context_length"
    },
    "GraniteForCausalLM": {
        "embedding_multiplier": "$embedding_scale",
        "residual_multiplier": "$residual_scale",
        "attention_multiplier": "$attention.scale",
        "logits_scaling": "$logit_scale",
    },
    "Olmo2ForCausalLM": {},
    "Olmo3ForCausalLM": {"sliding_window": "$attention.sliding_window"},
    "SmolLM3ForCausalLM": {"no_rope_layer_interval": 4},
    "StableLmForCausalLM": {
        "use_parallel_residual": False,
        "layer_norm_eps": "$attention.layer_norm_epsilon",
        "partial_rotary_factor": 0.4,
    },
    "BertModel": {"hidden_act": "gelu", "layer_norm_eps": "$attention.layer_norm_epsilon"},
    "NomicBertModel": {
        "n_embd": "$embedding_length",
        "n_layer": "$block_count",
        "n_head": "$attention.head_count",
        "n_inner": "$feed_forward_length",
        "max_trained_positions": "$context_length",
        "rotary_emb_base": "$rope.freq_base",
        "layer_norm_epsilon": "$attention.layer_norm_epsilon",
        "activation_function": "swiglu",
    },
}
# Of single models.
SCALINGS = {
    "gemma3-linear": {"rope_type": "linear", "factor": 8.0},
    "phi-long": {"type": "longrope", "attention_factor": 1.19},
    "phi-short": {"type": "su", "attention_factor": 1.19},
    "olmo3": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64,
              "attention_factor": 1.138629436111989},
    "rope-linear": {"type": "linear", "factor": 4.0},
    "rope-yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
    "rope-llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
}  # fmt: skip


def float32(value: object) -> object:
    """A number whose decimals give the same float32 again."""
    return float(str(np.float32(value))) if isinstance(value, float) else value


def config_of(name: str, arch: str, keys: dict[str, object], reader: gguf.GGUFReader) -> dict:
    # OLMo 3 is an olmo2 to llama.cpp.
    family = "olmo3" if name == "olmo3" else arch.replace("-", "")
    kind = next(n for n in FIELDS if n.lower().startswith(family))
    own = {
        k: keys[v[1:]] if isinstance(v, str) and v[0] == "$" else v for k, v in FIELDS[kind].items()
    }
    config = {
        "architectures": [kind],
        "vocab_size": len(reader.fields["tokenizer.ggml.tokens"].data),
        "max_position_embeddings": keys["context_length"],
        "hidden_size": keys["embedding_length"],
        "num_hidden_layers": keys["block_count"],
        "intermediate_size": keys["feed_forward_length"],
        "num_attention_heads": keys["attention.head_count"],
        "num_key_value_heads": keys["attention.head_count_kv"],
        "rope_theta": keys.get("rope.freq_base", 10000.0),
        "tie_word_embeddings": all(t.name != "output.weight" for t in reader.tensors),
        **own,
    }
    if kind == "NomicBertModel":
        for name in ("max_position_embeddings", "hidden_size", "num_hidden_layers",
                     "intermediate_size", "num_attention_heads", "rope_theta"):  # fmt: skip
            del config[name]
    if "attention.key_length" in keys:
        config["head_dim"] = keys["attention.key_length"]
    if "attention.layer_norm_rms_epsilon" in keys:
        config["rms_norm_eps"] = keys["attention.layer_norm_rms_epsilon"]
    if name == "phi-short":
        config["partial_rotary_factor"] = 0.6
    if name in SCALINGS:
        scaling = dict(SCALINGS[name])
        for length in ("long", "short"):
            for t in reader.tensors:
                if t.name == f"rope_factors_{length}.weight":
                    scaling[f"{length}_factor"] = [float32(float(x)) for x in t.data]
        config["rope_scaling"] = scaling
    return config


def unpermuted(values: np.ndarray, n_head: int) -> np.ndarray:
    """Each head's rows: those with even numbers first, then the odd ones."""
    heads = values.reshape(n_head, values.shape[0] // n_head // 2, 2, *values.shape[1:])
    return heads.swapaxes(1, 2).reshape(values.shape)


def tensors_of(arch: str, keys: dict[str, object], reader: gguf.GGUFReader) -> dict[str, np.ndarray]:
    tensors = {}
    for t in reader.tensors:
        if t.name.startswith("rope_"):
            continue
        layer, name, kind = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.(\w+)", t.name).groups()
        values = np.array(t.data)
        if arch in PERMUTED and name in ("attn_q", "attn_k"):
            n_head = keys["attention.head_count" + ("_kv" if name == "attn_k" else "")]
            values = unpermuted(values, n_head)
        if arch.startswith("gemma") and name.endswith("norm"):
            values = (values - np.float32(1)).astype(np.float32)
        module = {**GGUF_NAMES, **NAMES.get(arch, {})}[name]
        prefix = "" if layer is None else f"{LAYERS.get(arch, 'model.layers')}.{layer}."
        tensors[f"{prefix}{module}.{kind}"] = values
    return tensors


def write_safetensors(path: pathlib.Path, tensors: dict[str, np.ndarray]) -> None:
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, values in tensors.items():
        kind = {"float32": "F32", "float16": "F16"}[str(values.dtype)]
        end = offset + values.nbytes
        header[name] = {"dtype": kind, "shape": values.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    data = b"".join(values.tobytes() for values in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_model(folder: pathlib.Path, tensors: dict[str, np.ndarray], n_files: int) -> None:
    if n_files == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return
    names = list(tensors)
    weight_map = {}
    for i in range(n_files):
        file = f"model-{i + 1:05}-of-{n_files:05}.safetensors"
        part = names[i * len(names) // n_files : (i + 1) * len(names) // n_files]
        write_safetensors(folder / file, {name: tensors[name] for name in part})
        weight_map |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False))


def write_bpe(folder: pathlib.Path, n_unused: int) -> None:
    tokens = byte_tokens() + [merge.replace(" ", "") for merge in MERGES]
    added = [
        {"id": len(tokens) + i, "content": text, "special": True}
        for i, text in enumerate(SPECIAL + [f"<unused{i}>" for i in range(n_unused)])
    ]
    write_json(folder / "tokenizer.json", {
        "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "model": {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)},
                  "merges": [merge.split(" ") for merge in MERGES]},
    })  # fmt: skip
    write_json(folder / "tokenizer_config.json",
               {"bos_token": SPECIAL[0], "eos_token": {"content": SPECIAL[2]},
                "chat_template": "{{ messages[0].content }}"})  # fmt: skip


def write_wordpiece(folder: pathlib.Path, reader: gguf.GGUFReader) -> None:
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    types = reader.fields["tokenizer.ggml.token_type"].contents()
    special = [token for token, kind in zip(tokens, types, strict=True) if kind == 3]

    def piece(token: str) -> str:
        if token in special:
            return token
        return token[1:] if token[0] == "\u2581" else f"##{token}"

    write_json(folder / "tokenizer.json", {
        "added_tokens": [{"id": tokens.index(token), "content": token, "special": True}
                         for token in special],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "vocab": {piece(token): i for i, token in enumerate(tokens)}},
    })  # fmt: skip
    write_json(folder / "tokenizer_config.json",
               {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")})  # fmt: skip


def proto_field(number: int, value: int | float | bytes) -> bytes:
    if isinstance(value, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", value)
    if isinstance(value, int):
        return bytes([number << 3, value])
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def write_sentencepiece(folder: pathlib.Path, reader: gguf.GGUFReader) -> None:
    """tokenizer.model: sentencepiece's ModelProto of the file's vocabulary."""

    def field(name: str) -> list:
        return reader.fields[f"tokenizer.ggml.{name}"].contents()

    proto = b""
    for text, score, kind in zip(field("tokens"), field("scores"), field("token_type"), strict=True):
        piece = proto_field(1, text.encode()) + proto_field(2, score) + proto_field(3, int(kind))
        proto += proto_field(1, piece)
    proto += proto_field(2, proto_field(3, 2))  # trainer_spec.model_type: BPE
    proto += proto_field(3, proto_field(3, 0))  # normalizer_spec.add_dummy_prefix
    (folder / "tokenizer.model").write_bytes(proto)
    write_json(folder / "tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>"})
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")


def write_folder(out: pathlib.Path, name: str, n_files: int) -> None:
    reader = gguf.GGUFReader(out / f"{name}.gguf")
    values = {k: f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}
    arch = values["general.architecture"]
    keys = {k.removeprefix(f"{arch}."): float32(v) for k, v in values.items()}
    folder = out / name
    folder.mkdir()
    write_json(folder / "config.json", config_of(name, arch, keys, reader))
    write_model(folder, tensors_of(arch, keys, reader), n_files)
    if "pooling_type" in keys:
        (folder / "1_Pooling").mkdir()
        chosen = POOLING[keys["pooling_type"]]
        write_json(folder / "1_Pooling" / "config.json",
                   {mode: mode == chosen for mode in POOLING.values()})  # fmt: skip
    if values["tokenizer.ggml.model"] == "llama":
        write_sentencepiece(folder, reader)
    elif values["tokenizer.ggml.model"] == "bert":
        write_wordpiece(folder, reader)
    else:
        n_tokens = len(values["tokenizer.ggml.tokens"])
        write_bpe(folder, n_tokens - 256 - len(MERGES) - len(SPECIAL))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write into")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for m in architectures.MODELS:
        # A folder's name becomes the model's, and of a "phi3" llama.cpp expects certain tokens.
        name = m.name.replace("phi3", "phi")
        architectures.write_tiny(m, args.out / f"{name}.gguf")
        write_folder(args.out, name, n_files=3 if name == "qwen2" else 1)
    for m in encoders.MODELS:
        if m.weights in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16):
            encoders.write_tiny(m, args.out / f"{m.name}.gguf")
            write_folder(args.out, m.name, n_files=1)
    for m in models.MODELS:
        if m.name in ("f16", *SCALINGS):
            models.write_tiny(m, args.out / f"{m.name}.gguf")
            write_folder(args.out, m.name, n_files=1)
    spm = architectures.Tiny("llama-spm", "llama")
    architectures.write_tiny(spm, args.out / "llama-spm.gguf", add_sentencepiece_vocabulary)
    write_folder(args.out, spm.name, n_files=1)


if __name__ == "__main__":
    main()
