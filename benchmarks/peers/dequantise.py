"""Writes a copy of a GGUF file whose weights are all F32 (the numbers that the blocks stand for).

llama.cpp quantises activations to 8 bits before it multiplies them with 4- or 8-bit weights, but
not for F32 weights: on the copy it computes what the file means, without that rounding.
"""

import argparse

import gguf


# Written by the writer itself.
OWN_KEYS = ("general.architecture", "general.alignment")


def copy_metadata(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in OWN_KEYS:
            continue
        kind, *element = field.types
        value = field.contents()
        if key == "general.file_type":
            value = int(gguf.LlamaFileType.ALL_F32)
        writer.add_key_value(key, value, kind, element[-1] if element else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", metavar="MODEL.gguf")
    parser.add_argument("target", metavar="MODEL-F32.gguf")
    args = parser.parse_args()

    reader = gguf.GGUFReader(args.source)
    writer = gguf.GGUFWriter(args.target, reader.fields["general.architecture"].contents())
    copy_metadata(reader, writer)
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, values.astype("<f4", copy=False))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
