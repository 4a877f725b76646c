"""Writes curves.safetensors: initial weights, batches and the losses of 50 steps
of AdamW in PyTorch, of small versions of the models that people train.

Run with a Python that has torch: python make.py (from this directory).
Names are CASE/state.NAME, CASE/x, CASE/target and CASE/losses; batch k is row k
modulo the number of rows.
"""

import json
import struct

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(50)
tensors = {}


def write(path):
    kinds = {torch.float32: "F32", torch.int64: "I64"}
    header, body, at = {}, [], 0
    for name in sorted(tensors, key=lambda n: (-tensors[n].element_size(), n)):
        t = tensors[name].detach().contiguous()
        raw = t.numpy().tobytes()
        header[name] = {"dtype": kinds[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        body.append(raw)
        at += len(raw)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + b"".join(body))


def curve(name, model, x, target, lr):
    for n, t in model.state_dict().items():
        tensors[f"{name}/state.{n}"] = t.clone()
    tensors[f"{name}/x"], tensors[f"{name}/target"] = x, target
    opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.1)
    losses = []
    for k in range(50):
        y = model(x[k % len(x)])
        loss = F.cross_entropy(y.reshape(-1, y.shape[-1]), target[k % len(x)].reshape(-1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    tensors[f"{name}/losses"] = torch.tensor(losses)


class GPT(nn.Module):
    def __init__(self, vocab=11, context=8, dim=16):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        layer = lambda: nn.TransformerEncoderLayer(dim, 2, 4 * dim, dropout=0.0, batch_first=True, norm_first=True, activation="gelu", bias=False)
        self.h = nn.ModuleList(layer() for _ in range(2))
        self.ln_f = nn.LayerNorm(dim, bias=False)
        self.lm_head = nn.Linear(dim, vocab, bias=False)
        self.lm_head.weight = self.wte.weight
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, 0, 0.1)

    def forward(self, x):
        n = x.shape[1]
        h = self.wte(x) + self.wpe(torch.arange(n))
        mask = torch.full((n, n), float("-inf")).triu(1)
        for b in self.h:
            h = b(h, src_mask=mask)
        return self.lm_head(self.ln_f(h))


class LSTM(nn.Module):
    def __init__(self, vocab=11, dim=8, hidden=12):
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(vocab, dim), nn.LSTM(dim, hidden, 2, batch_first=True), nn.Linear(hidden, vocab)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0])


text = torch.randint(0, 11, (5, 4, 8))
curve("gpt", GPT(), text, (text * 3 + 1) % 11, 3e-3)
curve("lstm", LSTM(), text, (text * 3 + 1) % 11, 1e-2)
x = torch.randn(5, 6, 10)
curve("mlp", nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 4)), x, x[..., :4].argmax(-1), 1e-2)
x = torch.randn(5, 4, 1, 8, 8)
curve("cnn", nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(),
                           nn.Flatten(), nn.Linear(24, 3)), x, (x[:, :, 0, :3, 0]).argmax(-1), 5e-3)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        if i != o or stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
        else:
            self.downsample = nn.Identity()

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.downsample(x))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


curve("resnet", nn.Sequential(nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), Block(4, 4, 1), Block(4, 8, 2), Mean(), nn.Linear(8, 3)),
      x, (x[:, :, 0, :3, 0]).argmax(-1), 5e-3)
write("curves.safetensors")
