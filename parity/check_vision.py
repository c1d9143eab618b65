"""Opens folders that `zeroth vision finetune` wrote in transformers or timm, and compares their logits with `zeroth vision classify`.

usage: check_vision.py PICTURE.png FOLDER...   (run from the project's root, after npm run build)"""
import json
import subprocess
import sys

import torch
from PIL import Image


def prepared(processor, picture):
    """The pixels by the slow processor's arithmetic (Pillow), as the project follows it."""
    return processor(picture, return_tensors="pt")["pixel_values"]


def with_timm(folder, picture):
    import timm
    from safetensors.torch import load_file
    from timm.data import create_transform

    config = json.load(open(f"{folder}/config.json"))
    args = {**config.get("model_args", {}), "num_classes": config["num_classes"]}
    for taken in ("depth", "embed_dim", "num_heads", "mlp_ratio", "patch_size", "img_size", "num_blocks"):
        if taken in args and isinstance(args[taken], list):
            args[taken] = tuple(args[taken])
    kind = {"vit": timm.models.vision_transformer.VisionTransformer, "mixer": timm.models.mlp_mixer.MlpMixer}
    model = kind[config["architecture"].split("_")[0]](**args)
    model.load_state_dict(load_file(f"{folder}/model.safetensors"))
    cfg = config["pretrained_cfg"]
    transform = create_transform(cfg["input_size"], mean=cfg["mean"], std=cfg["std"], crop_pct=cfg["crop_pct"],
                                 interpolation=cfg["interpolation"])
    return model.eval()(transform(picture)[None])


def with_transformers(folder, picture):
    import transformers

    config = json.load(open(f"{folder}/config.json"))
    model = getattr(transformers, config["architectures"][0]).from_pretrained(folder).eval()
    name = json.load(open(f"{folder}/preprocessor_config.json"))["image_processor_type"]
    slow = getattr(transformers, f"{name}Pil", None) or getattr(transformers, name)
    processor = slow.from_pretrained(folder)
    if config["model_type"] == "vivit":
        return model(processor([[picture] * config["num_frames"]], return_tensors="pt")["pixel_values"])[0]
    return model(prepared(processor, picture)).logits


def main():
    file, *folders = sys.argv[1:]
    picture = Image.open(file).convert("RGB")
    worst = 0
    for folder in folders:
        out = subprocess.run(["node", "bin/zeroth.js", "vision", "classify", "--model", folder, "--json", "--repeat-last", file],
                             capture_output=True, text=True, check=True).stdout
        ours = torch.tensor(json.loads(out.splitlines()[0])["logits"])
        timm_made = "architecture" in json.load(open(f"{folder}/config.json"))
        with torch.no_grad():
            theirs = (with_timm if timm_made else with_transformers)(folder, picture)[0]
        difference = (ours - theirs).abs().max().item()
        worst = max(worst, difference)
        print(f"{folder}: {difference:.2e}")
    sys.exit(worst > 1e-3)


main()
