"""Writes test/fixtures/vision/*: tiny ViTs, ViViTs, Mixers, BiTs and ResNets, and what transformers and timm compute. See README.md."""
import json
import os
import sys
from functools import partial

import torch
import transformers
from safetensors.torch import save_file
from timm.layers import StdConv2d
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnet import BasicBlock, ResNet
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from transformers import (BitConfig, BitForImageClassification, ResNetConfig, ResNetForImageClassification, ViTConfig,
                          ViTForImageClassification, VivitConfig, VivitForVideoClassification, VivitModel)

from common import fresh_folder
from tiny import randomise

LABELS = dict(id2label={0: "a circle", 1: "a square", 2: "a cross"})
LAYERS = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20, num_channels=1, **LABELS)
MAPS = dict(num_channels=1, embedding_size=8, hidden_sizes=[16, 24], depths=[1, 2], **LABELS)


class Factorised(nn.Module):
    """Model 2 of the paper, of transformers' parts: an encoder over space for each time, then one over time."""

    def __init__(self, config, layers):
        super().__init__()
        self.config = config
        whole = VivitModel(config, add_pooling_layer=False)
        rows, columns = config.image_size[0] // config.tubelet_size[1], config.image_size[1] // config.tubelet_size[2]
        self.times, self.places = config.num_frames // config.tubelet_size[0], rows * columns
        later = VivitConfig(**{**config.to_dict(), "num_hidden_layers": layers})
        width = config.hidden_size
        self.vivit = nn.Module()
        self.vivit.embeddings = nn.Module()
        self.vivit.embeddings.patch_embeddings = whole.embeddings.patch_embeddings
        for name, settings, count in (("spatial", config, self.places), ("temporal", later, self.times)):
            model = VivitModel(settings, add_pooling_layer=False)
            part = nn.Module()
            part.embeddings = nn.Module()
            part.embeddings.cls_token = nn.Parameter(torch.zeros(1, 1, width))
            part.embeddings.position_embeddings = nn.Parameter(torch.zeros(1, count + 1, width))
            part.layers, part.layernorm = model.layers, model.layernorm
            setattr(self.vivit, name, part)
        self.classifier = nn.Linear(width, 3)

    def run(self, part, tokens):
        x = torch.cat([part.embeddings.cls_token.expand(len(tokens), -1, -1), tokens], 1)
        x = x + part.embeddings.position_embeddings
        for layer in part.layers:
            out = layer(x)
            x = out[0] if isinstance(out, tuple) else out
        return part.layernorm(x)

    def forward(self, pixel_values, **_):
        tokens = self.vivit.embeddings.patch_embeddings(pixel_values)
        batch, _, width = tokens.shape
        spatial = self.run(self.vivit.spatial, tokens.reshape(batch * self.times, self.places, width))[:, 0]
        return self.classifier(self.run(self.vivit.temporal, spatial.reshape(batch, self.times, width))[:, 0])


KEPT = ("img_size", "patch_size", "depth", "num_blocks", "embed_dim", "num_heads", "mlp_ratio", "global_pool", "class_token")


def timm_model(name, make, **args):
    model = make(num_classes=3, in_chans=1, **args)
    sides = args.get("img_size", 30)
    config = {"architecture": name, "num_classes": 3, "num_features": model.num_features,
              "pretrained_cfg": {"input_size": [1, sides, sides], "mean": [0.5], "std": [0.5], "crop_pct": 0.9,
                                 "interpolation": "bicubic"},
              "model_args": {k: v for k, v in args.items() if k in KEPT}}
    return model, config


VIDEO = dict(image_size=[12, 8], num_frames=4, tubelet_size=[2, 4, 4])
CASES = {
    "vit": (lambda: ViTForImageClassification(ViTConfig(image_size=8, patch_size=4, attn_implementation="eager", **LAYERS)), (8, 8)),
    "vivit": (lambda: VivitForVideoClassification(VivitConfig(attn_implementation="eager", **{**VIDEO, "image_size": [8, 8]}, **LAYERS)), (8, 8)),
    "vivit-factorised": (lambda: Factorised(VivitConfig(attn_implementation="eager", **VIDEO, **LAYERS), 1), (12, 8)),
    "bit": (lambda: BitForImageClassification(BitConfig(num_groups=2, **MAPS)), (30, 26)),
    "bit-same": (lambda: BitForImageClassification(BitConfig(num_groups=2, global_padding="SAME",
                                                             embedding_dynamic_padding=True, **MAPS)), (27, 30)),
    "bit-bottleneck": (lambda: BitForImageClassification(BitConfig(num_groups=2, layer_type="bottleneck", **MAPS)), (30, 26)),
    "resnet": (lambda: ResNetForImageClassification(ResNetConfig(layer_type="basic", **{**MAPS, "hidden_sizes": [8, 12], "depths": [1, 1]})), (30, 26)),
    "resnet-bottleneck": (lambda: ResNetForImageClassification(ResNetConfig(downsample_in_first_stage=True, **MAPS)), (30, 26)),
    "timm-vit": (lambda: timm_model("vit_tiny_patch4_8", VisionTransformer, img_size=8, patch_size=4, depth=2, embed_dim=12, num_heads=3,
                                    mlp_ratio=2), (8, 8)),
    "timm-vit-mean": (lambda: timm_model("vit_tiny_patch4_8", VisionTransformer, img_size=8, patch_size=4, depth=1, embed_dim=12, num_heads=3,
                                         mlp_ratio=2, global_pool="avg", class_token=False, fc_norm=True), (8, 8)),
    "timm-mixer": (lambda: timm_model("mixer_s4_8", MlpMixer, img_size=8, patch_size=4, num_blocks=2, embed_dim=12), (8, 8)),
    "timm-bit": (lambda: timm_model("resnetv2_50x1_bit", ResNetV2, layers=(1,), channels=(128,), stem_chs=32, stem_type="fixed",
                                    conv_layer=partial(StdConv2d, eps=1e-8)), (30, 26)),
    "timm-resnet": (lambda: timm_model("resnet18", ResNet, block=BasicBlock, layers=(1, 1, 1, 1), channels=(8, 8, 8, 8)), (30, 26)),
}


def prepared(name, seed):
    made = CASES[name][0]()
    model, config = made if isinstance(made, tuple) else (made, None)
    g = torch.Generator().manual_seed(seed)
    randomise(model, seed, words=0.5)
    for key, buffer in model.named_buffers():
        if key.endswith("running_mean"):
            buffer.copy_(0.2 * torch.randn(buffer.shape, generator=g))
        if key.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=g))
    return model.eval(), config, g


def on_disk(name):
    """What a file calls a tensor that transformers 5 names otherwise in memory."""
    if not name.startswith(("vit", "vivit")):
        return name
    for old, new in ((".layers.", ".encoder.layer."), ("attention.q_proj", "attention.attention.query"),
                     ("attention.k_proj", "attention.attention.key"), ("attention.v_proj", "attention.attention.value"),
                     ("attention.o_proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"),
                     ("mlp.fc2", "output.dense")):
        name = name.replace(old, new)
    return name


def save(model, config, folder):
    if config is None and not isinstance(model, Factorised):
        model.save_pretrained(folder)
        return
    if isinstance(model, Factorised):
        config = {**model.config.to_dict(), "architectures": ["VivitForVideoClassification"],
                  "attention_type": "factorized_encoder", "num_temporal_layers": 1}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")
    tensors = {on_disk(k): v.contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})


def write_case(name, seed):
    model, config, g = prepared(name, seed)
    folder = fresh_folder("vision", name)
    save(model, config, folder)
    rows, columns = CASES[name][1]
    video = name.startswith("vivit")
    pixels = torch.randn((2, 4, 1, rows, columns) if video else (2, 1, rows, columns), generator=g)
    labels = torch.tensor([2, 0])
    out = {"pixels": pixels, "labels": labels}
    if config is None and not isinstance(model, Factorised):
        given = dict(output_hidden_states=True)
        if name in ("vit", "vivit"):
            given["output_attentions"] = True
        result = model(pixel_values=pixels, **given)
        logits = result.logits
        out.update({f"hidden.{i}": h for i, h in enumerate(result.hidden_states)})
        out.update({f"attention.{i}": a for i, a in enumerate(getattr(result, "attentions", None) or [])})
    else:
        logits = model(pixels)
    out["logits"] = logits
    loss = nn.functional.cross_entropy(logits, labels)
    out["loss"] = loss.reshape(1)
    if name not in ("timm-bit", "timm-resnet"):
        trained = [(k, p) for k, p in model.named_parameters() if p.requires_grad]
        out.update({f"grad.{on_disk(k)}": p for (k, _), p in
                    zip(trained, torch.autograd.grad(loss, [p for _, p in trained]))})
    if name == "vit":
        larger = torch.randn(*pixels.shape[:-2], 12, 16, generator=g)
        out["larger.pixels"] = larger
        out["larger.logits"] = model(pixel_values=larger, interpolate_pos_encoding=True).logits
    if name == "timm-vit":
        larger = torch.randn(2, 1, 12, 16, generator=g)
        model.set_input_size(img_size=(12, 16))
        out["larger.pixels"] = larger
        out["larger.logits"] = model(larger)
    if name.startswith("resnet"):
        model.train()
        out["batch.logits"] = model(pixel_values=pixels).logits
        out.update({f"next.{k}": v.clone() for k, v in model.named_buffers() if "running" in k})
    save_file({k: v.detach().contiguous() for k, v in out.items()}, os.path.join(folder, "expected.safetensors"))
    print(name, sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)))


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    for case in sys.argv[1:] or CASES:
        write_case(case, 71 + list(CASES).index(case))
