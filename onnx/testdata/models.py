"""Writes models of PyTorch as ONNX files, with an input and the output: models.py FOLDER"""
import os
import sys
import warnings

import numpy
import torch
from torch import nn
import torch.nn.functional as F

try:
    import onnx  # noqa: F401
except ImportError:
    # The exporter wants the package only for functions of ONNX Script, of which there are none.
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils
    onnx_proto_utils._add_onnxscript_fn = lambda model, functions: model

warnings.filterwarnings("ignore")
torch.manual_seed(7)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))

    def forward(self, x):
        return self.head(self.features(x))


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.skip = nn.Identity() if stride == 1 and i == o else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.a(x) + self.skip(x))


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for i, o in enumerate([64, 128, 256, 512]):
        layers += [Block(width, o, 1 if i == 0 else 2), Block(o, o, 1)]
        width = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


class GPT(nn.Module):
    def __init__(self, vocabulary=65, length=16, width=48, heads=4, depth=3):
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.heads = heads
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "n1": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width), "out": nn.Linear(width, width),
            "n2": nn.LayerNorm(width), "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width)}) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, idx):
        n, t = idx.shape
        x = self.token(idx) + self.place(torch.arange(t))
        for b in self.blocks:
            q, k, v = b["qkv"](b["n1"](x)).chunk(3, dim=-1)
            split = lambda y: y.view(n, t, self.heads, -1).transpose(1, 2)
            y = F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=True)
            x = x + b["out"](y.transpose(1, 2).reshape(n, t, -1))
            x = x + b["down"](F.gelu(b["up"](b["n2"](x))))
        return self.head(self.norm(x))


for name, model, x in [
    ("lenet", LeNet(), torch.randn(2, 1, 28, 28)),
    ("resnet18", resnet18(), torch.randn(1, 3, 64, 64)),
    ("gpt", GPT(), torch.randint(0, 65, (2, 16))),
]:
    model.eval()
    path = os.path.join(sys.argv[1], name)
    with torch.no_grad():
        y = model(x)
    torch.onnx.export(model, (x,), path + ".onnx", opset_version=17, dynamo=False, input_names=["x"], output_names=["y"])
    numpy.save(path + "_x.npy", x.numpy())
    numpy.save(path + "_y.npy", y.numpy())
