"""Trains the compact networks by distillation: one command, which goes on where it was stopped.

    python train.py [--sizes compact compact-small] [--steps 9000] [--start FOLDER] [--work FOLDER] [--threads N]

Starts from FOLDER/SIZE.safetensors where `--start` names a folder that has it, such as this one.
Writes FOLDER/SIZE.safetensors (f32, batch normalisations folded in) at the end; `export.py` makes of it what ships.
"""
import argparse
import os
import pathlib
import time

import torch

import pictures
from crops import SHAPES, Crops
from network import MEAN, PAIR_WEIGHTS, SIZES, STD, Predictions, Student, teacher, teacher_maps
from safetensors import safe_open
from safetensors.torch import load_file, save_file

RATE, WARM_UP = 2e-3, 200
# The share of the steps in which the rate falls to 0, so that a run that was too short can go on from before it.
DECAY = 0.3
SAVE_SECONDS = 120


class Pupil:
    """One student in training."""

    def __init__(self, size: str):
        self.size = size
        self.student = Student(SIZES[size]).to(memory_format=torch.channels_last)
        self.predictions = Predictions(SIZES[size])
        parameters = [*self.student.parameters(), *self.predictions.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=1e-4, betas=(0.9, 0.99))
        self.parameters = parameters
        self.losses = None
        # Steps of the training whose file it started from.
        self.before = 0

    def start_from(self, folder: pathlib.Path, x: torch.Tensor) -> None:
        path = folder / f"{self.size}.safetensors"
        if not path.exists():
            return
        self.student.unfold(load_file(path), x)
        with safe_open(path, "pt") as file:
            self.before = int(file.metadata()["training_steps"])

    def learn(self, x: torch.Tensor, maps: dict[int, torch.Tensor], rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses = self.predictions.losses(self.student(x), maps)
        self.optimizer.zero_grad(set_to_none=True)
        (losses * torch.tensor(PAIR_WEIGHTS)).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()
        losses = losses.detach()
        self.losses = losses if self.losses is None else 0.99 * self.losses + 0.01 * losses

    def state(self) -> dict:
        parts = {"student": self.student, "predictions": self.predictions, "optimizer": self.optimizer}
        rest = {"losses": self.losses, "before": self.before}
        return {name: part.state_dict() for name, part in parts.items()} | rest

    def restore(self, state: dict) -> None:
        self.student.load_state_dict(state["student"])
        self.predictions.load_state_dict(state["predictions"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.losses, self.before = state["losses"], state["before"]


def rate_at(step: int, steps: int) -> float:
    """Rises, stays, and falls to 0 in the last steps."""
    left = (steps - step) / (DECAY * steps)
    return RATE * min(1.0, (step + 1) / WARM_UP, left)


def save(path: pathlib.Path, pupils: list[Pupil], step: int) -> None:
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "pupils": {pupil.size: pupil.state() for pupil in pupils}}, partial)
    os.replace(partial, path)


def train(pupils: list[Pupil], steps: int, work: pathlib.Path, start: pathlib.Path | None) -> None:
    kept, stable = work / "training.pt", work / "before-decay.pt"
    step = 0
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        step = state["step"]
        for pupil in pupils:
            pupil.restore(state["pupils"][pupil.size])
    crops = Crops(pictures.load(work), seed=step)
    if step == 0 and start is not None:
        x = torch.cat([crops.next() for _ in range(24)][:: len(SHAPES)])  # those of one size
        for pupil in pupils:
            pupil.start_from(start, (x - MEAN) / STD)
    network = teacher().to(memory_format=torch.channels_last)
    saved, started, first = time.monotonic(), time.monotonic(), step
    while step < steps:
        x = ((crops.next() - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        maps = teacher_maps(network, x)
        for pupil in pupils:
            pupil.learn(x, maps, rate_at(step, steps))
        step += 1
        if step == int((1 - DECAY) * steps):
            save(stable, pupils, step)
        if time.monotonic() - saved > SAVE_SECONDS or step == steps:
            save(kept, pupils, step)
            saved = time.monotonic()
            seconds = (saved - started) / (step - first)
            for pupil in pupils:
                print(f"{step}/{steps} {pupil.size} {seconds:.2f} s a step, losses",
                      *(f"{loss:.3f}" for loss in pupil.losses.tolist()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the compact networks.")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--start", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("work"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    options.work.mkdir(parents=True, exist_ok=True)
    pupils = [Pupil(size) for size in options.sizes]
    train(pupils, options.steps, options.work, options.start)
    for pupil in pupils:
        metadata = {"training_steps": str(pupil.before + options.steps)}
        save_file(pupil.student.folded(), options.work / f"{pupil.size}.safetensors", metadata)


if __name__ == "__main__":
    main()
