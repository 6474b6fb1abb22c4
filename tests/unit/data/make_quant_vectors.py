"""Writes quant_vectors.inc: blocks decoded and values encoded by Python's gguf package.

    python tests/unit/data/make_quant_vectors.py > tests/unit/data/quant_vectors.inc
"""

import hashlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize, quantize

FORMATS = ["F16", "Q4_0", "Q4_1", "Q8_0", "BF16", "Q5_0", "Q5_1"]
# Those that the package decodes only.
DECODED = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]
N_BLOCKS = 4096
# Halves put into a block's scale: ordinary, negative, the least subnormal, the largest, infinity.
SCALES = {"ordinary": 0x2A66, "negative": 0xB123, "subnormal": 0x0001, "largest": 0x7BFF, "infinite": 0x7C00}
N = 32

np.seterr(all="ignore")
random = np.random.default_rng(7)


def row(macro, name, kind, blocks, values):
    blocks = np.ascontiguousarray(blocks).view(np.uint8).tobytes().hex()
    values = np.ascontiguousarray(values, dtype="<f4").tobytes().hex()
    wrapped = "\n    ".join(f'"{values[i:i + 88]}"' for i in range(0, len(values), 88))
    print(f'{macro}({name}, "{kind}",\n    "{blocks}",\n    {wrapped})')


def decode_rows(name, qtype):
    block_size, block_bytes = GGML_QUANT_SIZES[qtype]
    n_bytes = N // block_size * block_bytes
    for kind, scale in SCALES.items():
        block = random.integers(0, 256, n_bytes, dtype=np.uint8)
        block[:2] = np.array([scale], dtype="<u2").view(np.uint8)
        if name in ("Q4_1", "Q5_1"):
            block[2:4] = np.array([0xB4CD], dtype="<u2").view(np.uint8)
        if block_size > 1:  # the extreme quants of the format
            block[-3:] = [0x00, 0xFF, 0x80]
        row("DECODE", name, kind, block, dequantize(block.reshape(1, -1), qtype))


def encode_rows(name, qtype):
    inputs = {
        "normal": random.normal(0, 0.04, N),
        "one_sided": random.uniform(2, 3, N),
        "zeros": np.zeros(N),
        "one_spike": np.where(np.arange(N) == 17, -6.5, 0),
        "ties": (np.arange(N) - 16) / 4,
        "tiny": random.normal(0, 1e-7, N),
        "huge": random.normal(0, 1e6, N),
    }
    for kind, values in inputs.items():
        values = values.astype(np.float32).reshape(1, -1)
        row("ENCODE", name, kind, quantize(values, qtype), values)


def any_bytes(n):
    """Bytes without a pattern; C++ makes the same (format_test.cc)."""
    h = np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B1)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x85EBCA77)
    h ^= h >> np.uint32(13)
    return (h >> np.uint32(16)).astype(np.uint8)


def digest_row(name, qtype):
    """What N_BLOCKS blocks of any bytes hold; every 16th only zero, the least or the greatest halves and codes."""
    block_bytes = GGML_QUANT_SIZES[qtype][1]
    blocks = any_bytes(N_BLOCKS * block_bytes).reshape(N_BLOCKS, block_bytes)
    blocks[0::16] &= 0x81
    blocks[8::16] |= 0x7E
    values = np.ascontiguousarray(dequantize(blocks, qtype), dtype="<f4")
    values.view(np.uint32)[np.isnan(values)] = 0x7FC00000
    print(f'DIGEST({name}, "{hashlib.sha256(values.tobytes()).hexdigest()}")')


print("// Made by make_quant_vectors.py: (format, case, block bytes, little-endian float32 values), all in hex.")
for name in FORMATS:
    decode_rows(name, GGMLQuantizationType[name])
    encode_rows(name, GGMLQuantizationType[name])
print("// (format, SHA-256 of the values of many blocks)")
for name in FORMATS + DECODED:
    digest_row(name, GGMLQuantizationType[name])
