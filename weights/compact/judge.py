"""What the teacher, a network that had no part in painting them, thinks of results; and a sheet of them to look at.

    python judge.py PAIRS SHEET.png RESULTS...

Style: |G - A|^2 / |A|^2 of Gram matrices behind the teacher's blocks, averaged; content: |F - P|^2 / |P|^2 behind
its deeper ones.
Both are relative to a picture that ignores the task: the content itself for style, the style for content (1 is as bad).
"""
import argparse
import pathlib

import numpy as np
import torch
from network import MEAN, STD, TEACHER_CHANNELS, teacher, teacher_maps
from PIL import Image

CONTENT_BLOCKS = (7, 10, 15)


def tensor(path: pathlib.Path, size: tuple[int, int]) -> torch.Tensor:
    picture = Image.open(path).convert("RGB")
    if picture.size != size:
        picture = picture.resize(size, Image.LANCZOS)
    return (torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255).permute(2, 0, 1)[None] - MEAN) / STD


def gram(features: torch.Tensor) -> torch.Tensor:
    flat = features[0].flatten(1)
    return flat @ flat.T / flat.shape[1]


def relative(value: torch.Tensor, target: torch.Tensor) -> float:
    return float(((value - target) ** 2).sum() / (target**2).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description="Judges results by the teacher.")
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("sheet", type=pathlib.Path)
    parser.add_argument("results", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    network = teacher()
    names = sorted(path.name[:2] for path in options.pairs.glob("*-content.png"))
    cells: list[list[pathlib.Path]] = []
    table = {folder: [] for folder in options.results}
    for name in names:
        content, style = options.pairs / f"{name}-content.png", options.pairs / f"{name}-style.png"
        made = [folder / f"{name}.png" for folder in options.results]
        if not all(path.exists() for path in made):
            continue
        cells.append([content, style, *made])
        size = Image.open(made[0]).size
        long_side = max(size)
        style_picture = Image.open(style)
        style_scale = long_side / max(style_picture.size)
        style_size = tuple(max(32, round(side * style_scale)) for side in style_picture.size)
        maps = {path: teacher_maps(network, tensor(path, size)) for path in [content, *made]}
        wanted = teacher_maps(network, tensor(style, style_size))
        other = teacher_maps(network, tensor(style, size))

        def style_loss(path: pathlib.Path) -> float:
            return float(np.mean([relative(gram(maps[path][b]), gram(wanted[b])) for b in TEACHER_CHANNELS]))

        def content_loss(found: dict[int, torch.Tensor]) -> float:
            return float(np.mean([relative(found[b], maps[content][b]) for b in CONTENT_BLOCKS]))

        for folder, path in zip(options.results, made):
            pair = style_loss(path) / style_loss(content), content_loss(maps[path]) / content_loss(other)
            table[folder].append(pair)
    for folder, values in table.items():
        style_mean, content_mean = np.exp(np.log(np.array(values)).mean(0))
        single = " ".join(f"{s:.2f}/{c:.2f}" for s, c in values)
        print(f"{folder.name}: style {style_mean:.3f} content {content_mean:.3f} ({single})")
    draw(cells, options.sheet)


def draw(cells: list[list[pathlib.Path]], sheet: pathlib.Path, side: int = 256) -> None:
    pictures = [[Image.open(path).convert("RGB") for path in row] for row in cells]
    for row in pictures:
        for picture in row:
            picture.thumbnail((side, side), Image.LANCZOS)
    heights = [max(picture.height for picture in row) + 4 for row in pictures]
    whole = Image.new("RGB", ((side + 4) * len(cells[0]), sum(heights)), "white")
    for index, row in enumerate(pictures):
        for column, picture in enumerate(row):
            whole.paste(picture, (column * (side + 4), sum(heights[:index])))
    whole.save(sheet)


if __name__ == "__main__":
    main()
