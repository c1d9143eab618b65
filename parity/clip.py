"""Writes test/fixtures/clip: tiny CLIPs and what transformers computes with them. See README.md."""
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

from common import fresh_folder, pad, write_json
from tiny import WRITER, edit_json, images, random_rows, randomise, save, train

VOCAB, END = 30, 28
CASES = {
    "end-token": dict(text=dict(eos_token_id=END, pad_token_id=1, num_hidden_layers=1), vision={}),
    # As the first files say it: the text ends at the largest id, which fills it up as well.
    "largest-id": dict(text=dict(eos_token_id=2, pad_token_id=VOCAB - 1, hidden_act="gelu"),
                       vision=dict(image_size=11, patch_size=4, hidden_act="gelu")),
}


def config(text, vision):
    layers = dict(num_hidden_layers=2, intermediate_size=20)
    return CLIPConfig(
        text_config=dict(**{**layers, "hidden_size": 12, "num_attention_heads": 3, "vocab_size": VOCAB,
                            "max_position_embeddings": 10, "bos_token_id": 0, **text}),
        vision_config=dict(**{**layers, "hidden_size": 16, "num_attention_heads": 2, "image_size": 8, "patch_size": 4,
                              **vision}),
        projection_dim=6)


def texts(g, lengths, end):
    """Ids below the end token, which comes last."""
    return [row + [end] for row in random_rows(g, lengths, END, 3)]


def write_case(name, seed):
    folder = fresh_folder("clip", name)
    model = randomise(CLIPModel(config(**CASES[name])), seed, words=0.5)
    save(model, folder)
    c = model.config
    end = END if name == "end-token" else VOCAB - 1
    fill, size = c.text_config.pad_token_id, c.vision_config.image_size
    g = torch.Generator().manual_seed(1000 + seed)
    pixels, rows = images(g, 3, size), texts(g, (6, 2, 9, 4), end)
    with torch.no_grad():
        out = model(input_ids=torch.tensor(pad(rows, fill)[0]), pixel_values=torch.tensor(pixels))
    save_file({"texts": out.text_embeds.contiguous(), "images": out.image_embeds.contiguous(),
               "scores": out.logits_per_image.contiguous()}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, "rows": rows, "pixels": pixels})
    if name == "end-token":
        batches = [[{"pixels": image, "ids": ids} for image, ids in zip(images(g, 4, size), texts(g, lengths, end))]
                   for lengths in [(7, 4, 9, 3), (5, 9, 2, 8), (6, 6, 8, 4), (3, 8, 5, 7)]]
        train(lambda: CLIPModel.from_pretrained(folder), folder, batches,
              lambda batch: {"input_ids": pad([row["ids"] for row in batch], fill)[0],
                             "pixel_values": [row["pixels"] for row in batch], "return_loss": True}, "adamw")
    else:
        # As older files have it: the entries twice, of which the second counts, and the projections' width at the top.
        edit_json(os.path.join(folder, "config.json"), lambda v: v.update(
            text_config_dict=v["text_config"], vision_config_dict=v["vision_config"], vision_config={},
            text_config={"hidden_size": 512}))
    print(name)


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        write_case(case, 41 + list(CASES).index(case))
