"""PyTorch, on the processor or with CUDA.

pytorch.py modes cpu|gpu
    prints a line of JSON: the version, the device, the modes there.
pytorch.py FOLDER REPS SECONDS cpu|gpu MODE
    evaluates loss and gradient of the task that task.ts wrote to FOLDER, REPS times or until SECONDS have passed,
    and prints a line of JSON.
"""

import json
import pathlib
import sys
import time

import torch

from gatys import CPU_MODES, CUDA_MODES, Files, Objective, device_for, peak_bytes

# cuDNN tries its algorithms, and torch.compile compiles, in the first.
WARM_UP = 3


def describe(family):
    device = device_for(family)
    modes = CUDA_MODES if device == "cuda" else CPU_MODES
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    print(json.dumps({"version": torch.__version__, "device": device, "name": name, "modes": modes}))


def measure(folder, reps, seconds, family, mode):
    device = device_for(family)
    files = Files(pathlib.Path(folder))
    objective = Objective(files, device, mode)
    scale = objective.loss_scale
    start = files.picture("start").to(device).requires_grad_(True)

    def evaluate():
        start.grad = None
        total = objective.loss(start)
        (scale * total).backward()
        loss = total.item()
        if device == "cuda":
            torch.cuda.synchronize()
        return loss

    last, times = 0.0, []
    for _ in range(WARM_UP if device == "cuda" or "compile" in mode else 1):
        last = evaluate()
    end = time.perf_counter() + seconds
    while not times or (len(times) < reps and time.perf_counter() < end):
        began = time.perf_counter()
        last = evaluate()
        times.append(1000 * (time.perf_counter() - began))
    report = {
        "engine": f"PyTorch {torch.__version__} {device} {mode}",
        "loss": last,
        "gradientNorm": start.grad.norm().item() / scale,
        "times": times,
        "peakProcess": peak_bytes(),
    }
    if device == "cuda":
        report["peakDevice"] = torch.cuda.max_memory_reserved()
    print(json.dumps(report))


if sys.argv[1] == "modes":
    describe(sys.argv[2])
else:
    measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5])
