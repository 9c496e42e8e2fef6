"""The training pictures: fetched with their Debian packages, unpacked, listed in `pictures.csv`, and kept as one
array file.

    python pictures.py [--work FOLDER] [--list]

A picture whose bytes are not those of the list ends the program; `--list` writes the list anew instead.
"""
import argparse
import csv
import hashlib
import io
import pathlib
import struct
import subprocess
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch

import numpy as np
from PIL import Image

from packages import HELD_OUT, PACKAGES, Package

LIST = pathlib.Path(__file__).with_name("pictures.csv")
FIELDS = ("package", "version", "file", "licence", "sha256")
# Longest and shortest side that is kept, in pixels.
LONGEST, SHORTEST = 1024, 120


def unpacked(package: Package, work: pathlib.Path) -> pathlib.Path:
    """The folder that holds the package's files, fetched by apt-get where it isn't there yet."""
    folder = work / "packages" / package.name
    if not folder.exists():
        debs = work / "debs"
        debs.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", f"{package.name}={package.version}"], cwd=debs, check=True)
        (deb,) = debs.glob(f"{package.name}_*.deb")
        partial = debs / package.name
        subprocess.run(["dpkg-deb", "--extract", deb, partial], check=True)
        folder.parent.mkdir(exist_ok=True)
        partial.rename(folder)
    return folder


def resource_files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of each file in a compiled Qt resource (versions 1 to 3), zlib-compressed ones included.

    Source of the layout: what `rcc --binary` of Qt 5 writes, https://doc.qt.io/qt-5/resources.html.
    """
    magic, version, tree, contents, names = struct.unpack_from(">4s4I", data)
    if magic != b"qres":
        raise ValueError("Expected a Qt resource beginning with 'qres'.")
    entry_size = 14 if version < 2 else 22

    def walk(index: int, parent: str) -> Iterator[tuple[str, bytes]]:
        at = tree + index * entry_size
        name_at, flags = struct.unpack_from(">IH", data, at)
        (length,) = struct.unpack_from(">H", data, names + name_at)
        name = data[names + name_at + 6 : names + name_at + 6 + 2 * length].decode("utf-16-be")
        path = f"{parent}/{name}" if index > 0 else ""
        if flags & 2:
            count, first = struct.unpack_from(">II", data, at + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        (offset,) = struct.unpack_from(">I", data, at + 10)
        (size,) = struct.unpack_from(">I", data, contents + offset)
        raw = data[contents + offset + 4 : contents + offset + 4 + size]
        yield path, zlib.decompress(raw[4:]) if flags & 1 else raw

    yield from walk(0, "")


def files_of(folder: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".rcc":
            for inner, data in resource_files(path.read_bytes()):
                yield name + inner, data
        elif path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            yield name, path.read_bytes()


def decoded(data: bytes, seed: int) -> np.ndarray | None:
    """[height][width][3] uint8, on a plain colour where it is transparent; None for what is no picture or too small
    or empty."""
    try:
        picture = Image.open(io.BytesIO(data)).convert("RGBA")
    except Exception:  # Pillow raises many kinds for what is no picture
        return None
    colour = np.random.default_rng(seed).integers(0, 256, 3)
    ground = Image.new("RGBA", picture.size, (*(int(value) for value in colour), 255))
    ground.alpha_composite(picture)
    picture = ground.convert("RGB")
    picture.thumbnail((LONGEST, LONGEST), Image.LANCZOS)
    pixels = np.asarray(picture)
    if min(picture.size) < SHORTEST or np.abs(np.diff(pixels.astype(np.float32).mean(2), axis=1)).mean() < 1:
        return None
    return pixels


def likeness(pixels: np.ndarray) -> tuple[int, ...]:
    """Equal for one picture at several sizes: wallpapers come so."""
    small = Image.fromarray(pixels).resize((6, 6), Image.BOX)
    return tuple((np.asarray(small).ravel() // 24).tolist())


def licence_of(package: Package, name: str) -> str:
    return next(licence for pattern, licence in package.licences if fnmatch(name, pattern))


def gather(work: pathlib.Path) -> tuple[list[dict[str, str]], list[np.ndarray]]:
    rows, pictures, seen = [], [], set()
    for package in PACKAGES:
        for name, data in files_of(unpacked(package, work)):
            wanted = any(fnmatch(name, pattern) for pattern in package.patterns)
            if not wanted or any(fnmatch(name, pattern) for pattern in HELD_OUT):
                continue
            pixels = decoded(data, len(rows))
            if pixels is None or likeness(pixels) in seen:
                continue
            seen.add(likeness(pixels))
            pictures.append(pixels)
            digest = hashlib.sha256(data).hexdigest()
            rows.append(dict(zip(FIELDS, (package.name, package.version, name, licence_of(package, name), digest))))
    return rows, pictures


def load(work: pathlib.Path) -> list[np.ndarray]:
    """All training pictures, [height][width][3] uint8, as listed."""
    kept = work / "pictures.npy"
    if not kept.exists():
        rows, pictures = gather(work)
        check(rows)
        np.save(kept, np.array(pictures, dtype=object), allow_pickle=True)
    return list(np.load(kept, allow_pickle=True))


def check(rows: list[dict[str, str]]) -> None:
    with LIST.open(newline="") as file:
        listed = list(csv.DictReader(file))
    for expected, came in zip(listed, rows):
        if expected != came:
            raise SystemExit(f"Expected {expected['file']} of {expected['package']} as {LIST.name} lists it, "
                             f"but {came['file']} with SHA-256 {came['sha256']} came.")
    if len(listed) != len(rows):
        raise SystemExit(f"Expected {len(listed)} pictures as {LIST.name} lists but {len(rows)} came.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fetches the training pictures.")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("work"), help="folder for what is fetched")
    parser.add_argument("--list", action="store_true", help=f"write {LIST.name} anew from what the packages hold")
    options = parser.parse_args()
    if options.list:
        rows, _ = gather(options.work)
        with LIST.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    print(len(load(options.work)), "pictures")


if __name__ == "__main__":
    main()
