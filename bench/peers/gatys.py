"""The task that task.ts wrote, in PyTorch: network, losses, and the ways PyTorch can compute them."""

import contextlib
import json
import resource
import sys

import torch
import torch.nn.functional as F

# Ways to compute. "eager" is plain f32 on either device; the other names say what differs from it.
CPU_MODES = ("eager", "channels_last", "compile", "autocast bf16")
CUDA_MODES = ("eager", "tf32", "channels_last", "tf32 channels_last", "compile", "tf32 compile", "autocast f16")

# Keeps f16 gradients from vanishing, as torch.cuda.amp.GradScaler does; other modes need none.
F16_LOSS_SCALE = 65536.0


def device_for(family):
    """CUDA is compared with kernels for GPUs, the processor with kernels for processors."""
    return "cuda" if family == "gpu" and torch.cuda.is_available() else "cpu"


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Files:
    """task.json, and task.bin with all arrays."""

    def __init__(self, folder):
        self.task = json.loads((folder / "task.json").read_text())
        path = folder / "task.bin"
        self.values = torch.from_file(str(path), size=path.stat().st_size // 4, dtype=torch.float32)

    def array(self, stored, *shape):
        values = self.values[stored["offset"] : stored["offset"] + stored["count"]]
        return values.clone().reshape(shape)

    def picture(self, name):
        """[1, 3, height, width]"""
        stored = self.task[name]
        return self.array(stored, 1, 3, stored["height"], stored["width"])


def gram(f):
    m = f.flatten(2)[0]
    return m @ m.t() / m.shape[1]


class Objective:
    """Loss of a picture [1, 3, height, width] on `device`, computed in `mode`."""

    def __init__(self, files, device, mode="eager"):
        task = files.task
        self.device, self.mode, self.task = device, mode, task
        self.set_flags()
        self.format = torch.channels_last if "channels_last" in mode else torch.contiguous_format
        self.mean, self.std = (
            torch.tensor(task[name], device=device).view(1, 3, 1, 1) for name in ("mean", "std")
        )
        self.layers = [
            (
                layer["relu"],
                layer["pooled"],
                files.array(layer["weight"], layer["outChannels"], layer["inChannels"], 3, 3).to(
                    device, memory_format=self.format
                ),
                files.array(layer["bias"], layer["outChannels"]).to(device),
            )
            for layer in task["layers"]
        ]
        with torch.no_grad():
            content = self.features(files.picture("content").to(device))
            style = self.features(files.picture("style").to(device))
            self.content = {name: content[name] for name in task["contentLayers"]}
            self.style = {name: gram(style[name]) for name in task["styleLayers"]}
        self.loss = self.total
        if "compile" in mode:
            if not hasattr(torch, "compile"):
                raise RuntimeError(f"torch {torch.__version__} has no torch.compile, which came with 2.0")
            self.loss = torch.compile(self.total)

    @property
    def loss_scale(self):
        return F16_LOSS_SCALE if self.mode == "autocast f16" else 1.0

    def set_flags(self):
        """PyTorch lets cuDNN use TF32 unless told otherwise, so f32 must be asked for."""
        tf32 = "tf32" in self.mode
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True

    def precision(self):
        if "autocast" not in self.mode:
            return contextlib.nullcontext()
        dtype = torch.float16 if "f16" in self.mode.split() else torch.bfloat16
        return torch.autocast(self.device, dtype=dtype)

    def features(self, x):
        """Maps in f32; under autocast the convolutions alone are in half precision, since f16 can't hold sums of
        squares."""
        found = {}
        x = ((x - self.mean) / self.std).contiguous(memory_format=self.format)
        with self.precision():
            for relu, pooled, weight, bias in self.layers:
                if pooled:
                    x = F.avg_pool2d(x, 2)
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
                found[relu] = x.float()
        return found

    def total(self, x):
        task = self.task
        found = self.features(x)
        dx, dy = x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]
        total = task["tvWeight"] * ((dx**2).mean() + (dy**2).mean())
        for name, weight in task["contentLayers"].items():
            total = total + weight * relative(found[name], self.content[name])
        for name, weight in task["styleLayers"].items():
            total = total + weight * relative(gram(found[name]), self.style[name])
        return total


def relative(value, target):
    return ((value - target) ** 2).sum() / (target**2).sum()
