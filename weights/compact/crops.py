"""Training crops: any place, size, turn and colour of the pictures, mixed with each other at times."""
import queue
import threading

import numpy as np
import torch
from PIL import Image

# Crops a step and their side in pixels, taken in turn: as many pixels, more or less of what stands around a thing.
SHAPES = ((16, 64), (8, 96), (4, 128))


class Crops:
    """Batches [n][3][size][size] in [0,1], made on a thread of their own."""

    def __init__(self, pictures: list[np.ndarray], seed: int):
        self.rng = np.random.default_rng(seed)
        self.pictures = [Image.fromarray(pixels) for pixels in pictures]
        # Detail counts, and size a little: flat ones and small ones have less to show.
        detail = np.array([np.abs(np.diff(p.astype(np.float32).mean(2), axis=1)).mean() for p in pictures])
        area = np.array([p.shape[0] * p.shape[1] for p in pictures], dtype=np.float64)
        chance = np.minimum(detail, 8) * area**0.25
        self.chances = chance / chance.sum()
        self.batches: queue.Queue[torch.Tensor] = queue.Queue(8)
        threading.Thread(target=self._fill, daemon=True).start()

    def next(self) -> torch.Tensor:
        return self.batches.get()

    def _fill(self) -> None:
        step = 0
        while True:
            self.batches.put(self._batch(*SHAPES[step % len(SHAPES)]))
            step += 1

    def _batch(self, count: int, size: int) -> torch.Tensor:
        rng = self.rng
        batch = np.stack([self._crop(size) for _ in range(count)])
        if rng.random() < 0.3:  # two pictures seen through each other
            share = rng.uniform(0.3, 0.7)
            batch = share * batch + (1 - share) * batch[::-1]
        elif rng.random() < 0.4:  # a band of one in another
            left = rng.integers(0, size // 2)
            batch[..., left : left + size // 2] = batch[::-1][..., left : left + size // 2].copy()
        return torch.from_numpy(np.ascontiguousarray(batch, dtype=np.float32))

    def _crop(self, size: int) -> np.ndarray:
        rng = self.rng
        picture = self.pictures[rng.choice(len(self.pictures), p=self.chances)]
        shorter = min(picture.size)
        side = int(np.exp(rng.uniform(np.log(min(0.8 * size, shorter)), np.log(shorter))))
        x, y = (int(rng.integers(0, extent - side + 1)) for extent in picture.size)
        box = (x, y, x + side, y + side)
        filter_ = Image.BILINEAR if side < 2 * size else Image.LANCZOS
        crop = picture.resize((size, size), filter_, box=box, reducing_gap=2.0)
        if rng.random() < 0.5:
            crop = crop.transpose(Image.FLIP_LEFT_RIGHT)
        if rng.random() < 0.3:
            fill = tuple(int(value) for value in rng.integers(0, 256, 3))
            crop = crop.rotate(rng.uniform(-30, 30), Image.BILINEAR, fillcolor=fill)
        return self._coloured(np.asarray(crop, dtype=np.float32) / 255).transpose(2, 0, 1)

    def _coloured(self, pixels: np.ndarray) -> np.ndarray:
        """Colours swapped at times; brightness, saturation and contrast changed mostly."""
        rng = self.rng
        if rng.random() < 0.3:
            pixels = pixels[..., rng.permutation(3)]
        if rng.random() < 0.7:
            pixels = pixels * rng.uniform(0.6, 1.4) + rng.uniform(-0.15, 0.15)
            grey = pixels.mean(2, keepdims=True)
            pixels = grey + (pixels - grey) * rng.uniform(0.3, 1.8)
            mean = pixels.mean((0, 1), keepdims=True)
            pixels = mean + (pixels - mean) * rng.uniform(0.7, 1.4)
        return np.clip(pixels, 0, 1)
