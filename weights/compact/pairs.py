"""The pictures that networks are judged by, which none was trained on: twelve pairs of a content and a style.

    python pairs.py [--work FOLDER]

Writes FOLDER/pairs/{choosing,held-out}/NN-content.png and NN-style.png. Settings are chosen on the first half alone.
"""
import argparse
import io
import pathlib
import re
from fnmatch import fnmatch
from typing import NamedTuple

from packages import GCOMPRIS, PACKAGES, SKIMAGE
from pictures import files_of, resource_files, unpacked
from PIL import Image

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
DETAILS = f"{GCOMPRIS}/details.rcc/gcompris/src/activities/details/resource/image"
PAINTINGS = f"{GCOMPRIS}/paintings.rcc/gcompris/src/activities/paintings/resource/image"


class Picture(NamedTuple):
    # A file of examples/, or one of the package (a pattern), or the pieces of a jigsaw puzzle there that begin so.
    package: str | None
    file: str


class Pair(NamedTuple):
    # What of each: "portrait, thick paint".
    kind: str
    content: Picture
    style: Picture


def example(name: str) -> Picture:
    return Picture(None, f"{name}.jpg")


CHOOSING = (
    Pair("portrait, thick paint", example("astronaut"), example("auvers")),
    Pair("animal, print", example("chelsea"), example("great-wave")),
    Pair("still life, flat print", example("coffee"), example("poppies")),
    Pair("night, abstract", Picture("gcompris-qt-data", f"{DETAILS}/TowerBridgeLondon_background.webp"),
         Picture("gcompris-qt-data", f"{PAINTINGS}/kandinky_")),
    Pair("landscape, line drawing", Picture("lomiri-wallpapers-16.04", "*picosdeeuropa*"),
         Picture("tuxpaint-data", "*/starters/carcassone.png")),
    Pair("building, thick paint", Picture("gcompris-qt-data", f"{DETAILS}/Neuschwanstein_background.webp"),
         Picture("gcompris-qt-data", f"{DETAILS}/Van_Gogh_The_Night_Cafe_background.webp")),
)
HELD_OUT = (
    Pair("portrait, flat print", example("astronaut"),
         Picture("gcompris-qt-data", f"{PAINTINGS}/HiroshigeInokashiraSnow_")),
    Pair("people, painting", Picture("gcompris-qt-data", f"{GCOMPRIS}/explore_world_music.rcc/*/australia.webp"),
         Picture("gcompris-qt-data", f"{PAINTINGS}/renoir-moulin_de_la_galette-")),
    Pair("animal, painting of many", Picture("gcompris-qt-data", f"{GCOMPRIS}/erase.rcc/*/kitten.webp"),
         Picture("gcompris-qt-data", f"{PAINTINGS}/PieterBruegel_")),
    Pair("flower, thick paint", Picture("python3-sklearn", "*/images/flower.jpg"),
         Picture("gcompris-qt-data", f"{DETAILS}/VincentVanGogh0019_background.webp")),
    Pair("night, print", Picture("python3-skimage", f"{SKIMAGE}/rocket.jpg"), example("great-wave")),
    Pair("building, line drawing", Picture("python3-sklearn", "*/images/china.jpg"),
         Picture("tuxpaint-data", "*/starters/street.png")),
)


def opened(picture: Picture, work: pathlib.Path) -> Image.Image:
    if picture.package is None:
        return Image.open(EXAMPLES / picture.file).convert("RGB")
    (package,) = (package for package in PACKAGES if package.name == picture.package)
    folder = unpacked(package, work)
    if picture.file.startswith(PAINTINGS):
        return puzzle(folder, picture.file)
    data = next(data for name, data in files_of(folder) if fnmatch(name, picture.file))
    return on_white(Image.open(io.BytesIO(data)).convert("RGBA"))


def on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return ground.convert("RGB")


def puzzle(folder: pathlib.Path, prefix: str) -> Image.Image:
    """A painting from its pieces, where the activity's board says that their middles are."""
    resource, inner = prefix.split(".rcc", 1)
    files = dict(resource_files((folder / f"{resource}.rcc").read_bytes()))
    name = inner.split("/resource/", 1)[1]
    board = next(data.decode() for path, data in files.items() if path.endswith(".qml") and name in data.decode())
    width, height = (int(value) for value in re.search(r'"width": (\d+),\s*"height": (\d+)', board).groups())
    whole = Image.new("RGBA", (width, height))
    for file, x, y in re.findall(r'"pixmapfile" : "(.*)",\s*"x" : "(.*)",\s*"y" : "(.*)"', board):
        piece = Image.open(io.BytesIO(files[f"{inner.split('/resource/')[0]}/resource/{file}"])).convert("RGBA")
        left = round(float(x) * width - piece.width / 2), round(float(y) * height - piece.height / 2)
        whole.alpha_composite(piece, (max(0, left[0]), max(0, left[1])))
    return whole.crop(whole.getchannel("A").point(lambda alpha: 255 * (alpha == 255)).getbbox()).convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the pairs that networks are judged by.")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("work"))
    work = parser.parse_args().work
    for half, pairs in (("choosing", CHOOSING), ("held-out", HELD_OUT)):
        folder = work / "pairs" / half
        folder.mkdir(parents=True, exist_ok=True)
        for index, pair in enumerate(pairs):
            for kind, picture in (("content", pair.content), ("style", pair.style)):
                image = opened(picture, work)
                image.thumbnail((1024, 1024), Image.LANCZOS)
                image.save(folder / f"{index + 1:02}-{kind}.png")


if __name__ == "__main__":
    main()
