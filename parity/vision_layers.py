"""Writes test/fixtures/vision/layers.safetensors: what PyTorch makes of norms, standardised convolutions, resizes and grids."""
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from common import FIXTURES


def with_gradients(out, name, y, inputs, given):
    """y and the gradients of Σ y · given by the inputs."""
    out[f"{name}.y"] = y.detach()
    for key, g in zip(inputs, torch.autograd.grad((y * given).sum(), list(inputs.values()))):
        out[f"{name}.grad.{key}"] = g


def main():
    g = torch.Generator().manual_seed(5)
    rand = lambda *shape: torch.randn(*shape, generator=g).requires_grad_()
    out = {}

    x, w, b = rand(2, 6, 5, 4), rand(6), rand(6)
    given = torch.randn(2, 6, 5, 4, generator=g)
    out.update({"x": x, "w": w, "b": b, "given": given})
    with_gradients(out, "group", F.group_norm(x, 3, w, b, 1e-5), {"x": x, "w": w, "b": b}, given)

    mean, var = torch.randn(6, generator=g), torch.rand(6, generator=g) + 0.5
    out.update({"mean": mean.clone(), "var": var.clone()})
    with_gradients(out, "still", F.batch_norm(x, mean, var, w, b, False, 0.1, 1e-5), {"x": x, "w": w, "b": b}, given)
    moved = mean.clone(), var.clone()
    with_gradients(out, "batch", F.batch_norm(x, *moved, w, b, True, 0.1, 1e-5), {"x": x, "w": w, "b": b}, given)
    out.update({"batch.nextMean": moved[0], "batch.nextVar": moved[1]})

    kernel = rand(4, 6, 3, 3)
    k = kernel.reshape(4, -1)
    k = (k - k.mean(1, keepdim=True)) / torch.sqrt(k.var(1, keepdim=True, unbiased=False) + 1e-8)
    y = F.conv2d(x, k.reshape(kernel.shape), stride=2, padding=1)
    out["kernel"] = kernel
    out["standard.given"] = torch.randn(y.shape, generator=g)
    with_gradients(out, "standard", y, {"x": x, "kernel": kernel}, out["standard.given"])

    for name, size, options in (
        ("cubic", (7, 3), dict(mode="bicubic")),
        ("cubic-wide", (3, 9), dict(mode="bicubic", antialias=True)),
        ("linear", (3, 6), dict(mode="bilinear")),
        ("linear-small", (2, 2), dict(mode="bilinear", antialias=True)),
        ("corners", (7, 6), dict(mode="bilinear", align_corners=True)),
        ("nearest", (7, 3), dict(mode="nearest")),
    ):
        y = F.interpolate(x, size=size, **options)
        given = torch.randn(y.shape, generator=g)
        out[f"{name}.given"] = given
        with_gradients(out, name, y, {"x": x}, given)

    grid = (torch.rand(2, 3, 4, 2, generator=g) * 2.6 - 1.3).requires_grad_()
    out["grid"] = grid
    out["grid.given"] = torch.randn(2, 6, 3, 4, generator=g)
    for corners in (False, True):
        for outside in ("zeros", "border"):
            y = F.grid_sample(x, grid, mode="bilinear", padding_mode=outside, align_corners=corners)
            with_gradients(out, f"grid-{outside}-{corners}", y, {"x": x, "grid": grid}, out["grid.given"])

    os.makedirs(os.path.join(FIXTURES, "vision"), exist_ok=True)
    save_file({k: v.detach().contiguous() for k, v in out.items()}, os.path.join(FIXTURES, "vision", "layers.safetensors"))


if __name__ == "__main__":
    main()
