"""Debian 12's packages with free pictures, and which of their files are for training.

Each package's licences are those of its debian/copyright; `pictures.csv` names the one of each picture.
"""
from typing import NamedTuple


class Package(NamedTuple):
    name: str
    version: str
    # Of files below its root; a file in a Qt resource (.rcc) is `resource.rcc/path in it`.
    patterns: tuple[str, ...]
    # (pattern, licence): the first that fits a file holds.
    licences: tuple[tuple[str, str], ...]


GCOMPRIS = "usr/share/gcompris-qt/rcc"
SKIMAGE = "usr/lib/python3/dist-packages/skimage/data"
WESNOTH = "usr/share/games/wesnoth/1.16/data/core/images"

PACKAGES = (
    Package(
        "gcompris-qt-data",
        "3.1-2",
        tuple(
            f"{GCOMPRIS}/{activity}.rcc/*"
            for activity in (
                "categorization", "details", "erase", "explore_farm_animals", "explore_monuments",
                "explore_world_animals", "explore_world_music", "paintings",
            )
        ),
        # Most are under a licence of their own, which debian/copyright gives file by file.
        (("*", "free, by file: see the package's debian/copyright"),),
    ),
    Package("gnome-backgrounds", "43.1-1", ("*.jpg", "*.webp"), (("*", "CC-BY-SA-3.0"),)),
    Package("lomiri-wallpapers-16.04", "20.04.0-2", ("*.jpg",),
            (("*by_Peter*", "CC-BY-SA-4.0"), ("*by_Sander*", "CC-BY-SA-4.0"), ("*by_Bolly*", "CC-BY-SA-4.0"),
             ("*by_Clements*", "CC0-1.0"), ("*", "CC-BY-4.0"))),
    Package("lomiri-wallpapers-20.04", "20.04.0-2", ("*.jpg",), (("*", "CC-BY-SA-3.0"),)),
    Package("mate-backgrounds", "1.26.0-1", ("*/nature/*.jpg", "*/abstract/Elephants.jpg"), (("*", "GPL-2+"),)),
    Package("palapeli-data", "4:22.12.3-1", ("*/collection/*.jpg",), (("*", "GPL-2+"),)),
    Package("plasma-workspace-wallpapers", "4:5.27.5-2", ("*/contents/images/*",), (("*", "GPL-2+"),)),
    Package("python3-skimage", "0.19.3-8", tuple(
        f"{SKIMAGE}/{name}" for name in (
            "brick.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
            "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png")),
            (("*", "BSD-3-Clause, or free of rights"),)),
    Package("python3-sklearn", "1.2.1+dfsg-1", ("*/datasets/images/*.jpg",), (("*", "CC-BY-2.0"),)),
    # For judging alone: line drawings.
    Package("tuxpaint-data", "1:0.9.28-sdl2-1", (), (("*", "GPL-2+"),)),
    Package("ukui-wallpapers", "20.04.3-1.1", ("*.jpg",), (("*", "CC-BY-SA-3.0"),)),
    Package("wesnoth-1.16-data", "1:1.16.9-1", (f"{WESNOTH}/portraits/*", f"{WESNOTH}/story/*"), (("*", "GPL-2+"),)),
)

# Never trained on: the project's own examples, and what pictures are judged by (docs/networks.md).
HELD_OUT = (
    "*/GreatWave*", "*/gogh_auvert*", "*oppies*",
    "*/Neuschwanstein*", "*/neuschwanstein*", "*/TowerBridge*", "*/panda*", "*picosdeeuropa*", "*/rocket.jpg",
    "*/sklearn/datasets/images/*", "*/australia*", "*/Van_Gogh_The_Night_Cafe*", "*/VincentVanGogh0019*",
    "*/kandin*", "*/HiroshigeInokashiraSnow*", "*/AlbrechtDurer*", "*/renoir-moulin*", "*/PieterBruegel*",
    "*/kitten*", "*/EilanDonan*",
)
