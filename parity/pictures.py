"""Writes test/fixtures/vision/pictures.safetensors: what Pillow makes of a small picture. See README.md."""
import os

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "fixtures", "vision")
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def main():
    pixels = np.random.default_rng(3).integers(0, 256, (11, 17, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    out = {"picture": pixels, "grey": np.array(picture.convert("L"))}
    for name, code in FILTERS.items():
        for width, height in ((6, 5), (23, 19), (17, 4), (9, 11)):
            out[f"{name}.{width}x{height}"] = np.array(picture.resize((width, height), code))
    save_file(out, os.path.join(FOLDER, "pictures.safetensors"))


if __name__ == "__main__":
    main()
