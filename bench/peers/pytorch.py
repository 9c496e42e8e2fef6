"""PyTorch, on the processor or with CUDA: pytorch.py FOLDER REPS SECONDS cpu|gpu.

Evaluates loss and gradient of the problem that problem-files.ts wrote to FOLDER, REPS times or until SECONDS have passed, and prints one
line of JSON.
"""

import json
import pathlib
import resource
import sys
import time

import torch
import torch.nn.functional as F

folder, reps, seconds, family = pathlib.Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
device = "cuda" if family == "gpu" and torch.cuda.is_available() else "cpu"
problem = json.loads((folder / "problem.json").read_text())
size = problem["size"]
path = folder / "problem.bin"
values = torch.from_file(str(path), size=path.stat().st_size // 4, dtype=torch.float32)


def load(stored, *shape):
    return values[stored["offset"] : stored["offset"] + stored["count"]].clone().reshape(shape).to(device)


def picture(name):
    return load(problem[name], 1, 3, size, size)


mean, std = (torch.tensor(problem[name], device=device).view(1, 3, 1, 1) for name in ("mean", "std"))
layers = [
    (
        layer["relu"],
        layer["pooled"],
        load(layer["weight"], layer["outChannels"], layer["inChannels"], 3, 3),
        load(layer["bias"], layer["outChannels"]),
    )
    for layer in problem["layers"]
]


def features(x):
    found = {}
    x = (x - mean) / std
    for relu, pooled, weight, bias in layers:
        if pooled:
            x = F.avg_pool2d(x, 2)
        x = F.relu(F.conv2d(x, weight, bias, padding=1))
        found[relu] = x
    return found


def gram(f):
    m = f.flatten(2)[0]
    return m @ m.t() / m.shape[1]


with torch.no_grad():
    content = {name: f for name, f in features(picture("content")).items() if name in problem["contentLayers"]}
    style = {name: gram(f) for name, f in features(picture("style")).items() if name in problem["styleLayers"]}


def relative(value, target):
    return ((value - target) ** 2).sum() / (target**2).sum()


def loss(x):
    found = features(x)
    dx, dy = x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]
    total = problem["tvWeight"] * ((dx**2).mean() + (dy**2).mean())
    for name, weight in problem["contentLayers"].items():
        total = total + weight * relative(found[name], content[name])
    for name, weight in problem["styleLayers"].items():
        total = total + weight * relative(gram(found[name]), style[name])
    return total


start = picture("start").requires_grad_(True)


def evaluate():
    start.grad = None
    total = loss(start)
    total.backward()
    return total.item()  # waits for CUDA


last, times = evaluate(), []
end = time.perf_counter() + seconds
while not times or (len(times) < reps and time.perf_counter() < end):
    began = time.perf_counter()
    last = evaluate()
    times.append(1000 * (time.perf_counter() - began))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
report = {"engine": f"PyTorch {torch.__version__} {device}", "loss": last, "gradientNorm": start.grad.norm().item()}
print(json.dumps({**report, "times": times, "peakProcess": peak}))
