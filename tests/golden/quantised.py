"""Compares a GGUF file with what became of it, by Python's gguf: `quantised.py IN OUT`.

Prints JSON: what OUT's metadata have in place of IN's, and of every tensor its type, whether it has exactly the
bytes that gguf's own encoder makes (null where gguf has none), and the error of what they stand for
relative to the original's standard deviation.
"""

import json
import sys

import gguf
import numpy as np


def metadata(reader: gguf.GGUFReader) -> dict[str, object]:
    return {k: f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}


def compare(before: gguf.ReaderTensor, after: gguf.ReaderTensor) -> dict[str, object]:
    assert before.shape.tolist() == after.shape.tolist()
    original = gguf.quants.dequantize(before.data, before.tensor_type)
    values = gguf.quants.dequantize(after.data, after.tensor_type)
    try:
        encoded = gguf.quants.quantize(original, after.tensor_type)
        is_exact = encoded.tobytes() == after.data.tobytes()
    except NotImplementedError:
        is_exact = None
    error = float(np.sqrt(np.mean((values - original) ** 2)) / np.std(original))
    return {"type": after.tensor_type.name, "is_exact": is_exact, "error": error}


def main() -> None:
    before, after = (gguf.GGUFReader(path) for path in sys.argv[1:3])
    originals = {t.name: t for t in before.tensors}
    assert sorted(originals) == sorted(t.name for t in after.tensors)
    old, new = metadata(before), metadata(after)
    print(json.dumps({
        "changed": {k: new.get(k) for k in sorted({*old, *new}) if old.get(k) != new.get(k)},
        "tensors": {t.name: compare(originals[t.name], t) for t in after.tensors},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
