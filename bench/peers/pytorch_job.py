"""A whole run with torch.optim.LBFGS at one scale: pytorch_job.py FOLDER STEPS cpu|gpu MODE.

Begins with the start picture of the task that task.ts wrote to FOLDER, makes STEPS steps without a line search, and
prints a line of JSON: the loss before each step and after the last, and when each was known, in seconds since
pictures and weights were in memory. Writes the picture with the least loss to FOLDER/pytorch.bin, f32
[3][height][width]. With 0 steps it evaluates the start picture.
"""

import array
import json
import math
import pathlib
import sys
import time

import torch

from gatys import Files, Objective, device_for, peak_bytes

# torch.optim.LBFGS forgets pairs with y.s below 1e-10 whatever their scale: losses of order 1 over many pixels would
# never give it one. Gatys' losses, unlike ours, are of order 1e6; L-BFGS itself doesn't care for the factor.
LOSS_SCALE = 1e6

HISTORY = 100


def run(folder, steps, family, mode):
    folder = pathlib.Path(folder)
    device = device_for(family)
    files = Files(folder)
    picture = files.picture("start")
    began = time.perf_counter()
    objective = Objective(files, device, mode)
    x = picture.to(device).requires_grad_(True)
    if device == "cuda":
        torch.cuda.synchronize()
    ready = time.perf_counter()
    losses, seconds = [], []
    best = (math.inf, x.detach().clone())

    def closure():
        nonlocal best
        optimizer.zero_grad()
        total = LOSS_SCALE * objective.loss(x)
        total.backward()
        loss = total.item() / LOSS_SCALE
        losses.append(loss)
        seconds.append(time.perf_counter() - began)
        if loss < best[0]:
            best = (loss, x.detach().clone())
        return total

    if steps > 0:
        optimizer = torch.optim.LBFGS([x], lr=1, tolerance_grad=0, tolerance_change=0, history_size=HISTORY)
    while len(losses) < steps:  # it returns early where a direction doesn't descend
        left = steps - len(losses)
        optimizer.param_groups[0].update(max_iter=left, max_eval=2 * left)
        optimizer.step(closure)
    if len(losses) <= steps:  # the optimiser doesn't evaluate its last picture
        with torch.no_grad():
            losses.append(objective.loss(x).item())
        seconds.append(time.perf_counter() - began)
        if losses[-1] < best[0]:
            best = (losses[-1], x.detach().clone())
    with open(folder / "pytorch.bin", "wb") as file:
        array.array("f", best[1].flatten().tolist()).tofile(file)  # torch can be there without numpy
    report = {
        "engine": f"PyTorch {torch.__version__} {device} {mode}",
        "ready": ready - began,
        # NaN isn't JSON
        "losses": [loss if math.isfinite(loss) else None for loss in losses],
        "seconds": seconds,
        "peakProcess": peak_bytes(),
    }
    print(json.dumps(report))


run(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
