"""Random weights in the formats that Python's gguf decodes but does not encode."""

import gguf
import numpy as np

Type = gguf.GGMLQuantizationType

# Where a block has its scale, and its scale of offsets if it has any, and what they must be for weights of mean 0 and
# standard deviation 1 when all other bits are random.
SCALES = {
    Type.Q2_K: {80: 0.0721, 82: 0.1082},
    Type.Q3_K: {108: 0.0231},
    Type.Q4_K: {0: 0.00388, 2: 0.0291},
    Type.Q5_K: {0: 0.0019, 2: 0.0294},
    Type.Q6_K: {208: 0.000733},
    Type.IQ4_NL: {0: 0.0149},
    Type.IQ4_XS: {0: 0.000801},
}


def random_blocks(bits: np.random.PCG64, rows: int, columns: int, std: float, kind: Type) -> np.ndarray:
    """Blocks [rows, bytes of a row] of weights with a standard deviation of about `std`."""
    _, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    _, row_bytes = gguf.quants.quant_shape_to_byte_shape((rows, columns), kind)
    words = bits.random_raw(rows * row_bytes)
    blocks = (words >> np.uint64(40)).astype(np.uint8).reshape(-1, block_bytes)
    for offset, scale in SCALES[kind].items():
        half = np.array([std * scale], dtype="<f2")
        blocks[:, offset : offset + 2] = half.view(np.uint8)
    return blocks.reshape(rows, row_bytes)
