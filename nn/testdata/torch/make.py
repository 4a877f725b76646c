"""Writes layers.safetensors: layers of PyTorch with random weights, what they
give for random inputs, and the gradients for a random gradient of the result.

Run with a Python that has torch: python make.py (from this directory).
Names are CASE/x, CASE/y, CASE/d, CASE/grad.x, CASE/state.NAME, CASE/grad.NAME.
"""

import json
import struct

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(15)
tensors = {}


def write(path):
    kinds = {torch.float32: "F32", torch.int64: "I64"}
    header, body, at = {}, [], 0
    order = sorted(tensors, key=lambda n: (-tensors[n].element_size(), n))
    for name in order:
        t = tensors[name].detach().contiguous()
        raw = t.numpy().tobytes()
        header[name] = {"dtype": kinds[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        body.append(raw)
        at += len(raw)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + b"".join(body))


def case(name, module, x, call=None, **extra):
    """Runs a module and keeps everything of it."""
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn_like(p) * 0.4)
    for n, t in module.state_dict().items():
        tensors[f"{name}/state.{n}"] = t.clone()
    x = x.clone()
    if x.is_floating_point():
        x.requires_grad_()
    for n, t in extra.items():
        tensors[f"{name}/{n}"] = t
    y = call(module, x) if call else module(x)
    outs = y if isinstance(y, tuple) else (y,)
    total = 0
    for i, o in enumerate(outs):
        d = torch.randn_like(o)
        tensors[f"{name}/y{i or ''}"], tensors[f"{name}/d{i or ''}"] = o, d
        total = total + (o * d).sum()
    total.backward()
    tensors[f"{name}/x"] = x
    if x.is_floating_point():
        tensors[f"{name}/grad.x"] = x.grad
    for n, p in module.named_parameters():
        tensors[f"{name}/grad.{n}"] = p.grad
    for n, b in module.named_buffers():
        if b.is_floating_point():
            tensors[f"{name}/after.{n}"] = b


R = torch.randn

case("linear", nn.Linear(5, 3), R(2, 4, 5))
case("embedding", nn.Embedding(7, 4), torch.randint(0, 7, (2, 5)))
case("conv2d", nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), R(2, 4, 6, 5))
case("conv1d", nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), R(2, 4, 9))
case("conv_transpose1d", nn.ConvTranspose1d(4, 6, 3, stride=3, padding=1, output_padding=2, groups=2), R(2, 4, 5))
case("conv_transpose2d", nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, dilation=2, groups=2), R(2, 4, 3, 4))
case("batch_norm", nn.BatchNorm2d(3), R(4, 3, 2, 3))
case("batch_norm_eval", nn.BatchNorm1d(3).eval(), R(4, 3))
case("layer_norm", nn.LayerNorm((3, 4)), R(5, 3, 4))
case("rms_norm", nn.RMSNorm(6, eps=1e-5), R(5, 6))
case("group_norm", nn.GroupNorm(2, 6), R(2, 6, 3, 2))
case("instance_norm", nn.InstanceNorm2d(3), R(2, 3, 4, 3))
case("instance_norm_affine", nn.InstanceNorm1d(3, affine=True), R(2, 3, 5))
case("prelu", nn.PReLU(), R(3, 4))
case("prelu_channels", nn.PReLU(4), R(3, 4, 2))
case("max_pool1d", nn.MaxPool1d(3, stride=2, padding=1), R(2, 3, 8))
case("avg_pool1d", nn.AvgPool1d(2), R(2, 3, 8))
case("upsample", nn.Upsample(scale_factor=3), R(2, 3, 2, 4))
case("upsample_bilinear", nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), R(2, 3, 3, 4))
case("upsample_bilinear_corners", nn.Upsample(scale_factor=3, mode="bilinear", align_corners=True), R(2, 3, 3, 4))
case("upsample_linear", nn.Upsample(scale_factor=4, mode="linear", align_corners=False), R(2, 3, 5))
case("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((3, 2)), R(2, 3, 7, 5))
case("adaptive_avg_pool1d", nn.AdaptiveAvgPool1d(4), R(2, 3, 6))
case("adaptive_max_pool2d", nn.AdaptiveMaxPool2d((3, 2)), R(2, 3, 7, 5))

activations = {
    "relu": nn.ReLU(), "gelu": nn.GELU(), "gelu_tanh": nn.GELU("tanh"), "silu": nn.SiLU(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
    "leaky_relu": nn.LeakyReLU(0.1), "softmax": nn.Softmax(1), "log_softmax": nn.LogSoftmax(1), "hard_tanh": nn.Hardtanh(-1, 1), "relu6": nn.ReLU6(),
    "elu": nn.ELU(0.7), "celu": nn.CELU(0.7), "selu": nn.SELU(), "softplus": nn.Softplus(2, 10), "log_sigmoid": nn.LogSigmoid(), "softsign": nn.Softsign(),
    "mish": nn.Mish(), "hard_sigmoid": nn.Hardsigmoid(), "hard_swish": nn.Hardswish(), "tanh_shrink": nn.Tanhshrink(), "soft_shrink": nn.Softshrink(0.4),
    "hard_shrink": nn.Hardshrink(0.4), "threshold": nn.Threshold(0.2, -3), "glu": nn.GLU(1),
}
for name, a in activations.items():
    x = R(4, 6) * 4
    x[0, 0], x[1, 1] = 30, -30
    if name not in ("relu", "leaky_relu", "hard_tanh", "relu6", "hard_sigmoid", "hard_swish", "soft_shrink", "hard_shrink", "threshold"):
        x[2, 2] = 0
    case("act." + name, a, x)


def attend(source=None, mask=None, causal=False):
    def call(m, x):
        s = x if source is None else source
        bias = mask
        if causal:
            bias = torch.full((x.shape[1], x.shape[1]), float("-inf")).triu(1)
        return m(x, s, s, attn_mask=bias, need_weights=False)[0]
    return call


mha = lambda **k: nn.MultiheadAttention(8, 2, batch_first=True, **k)
case("attention", mha(), R(2, 5, 8), attend())
case("attention_causal", mha(bias=False), R(2, 5, 8), attend(causal=True))
source, mask = R(2, 3, 8), R(4, 3)
case("attention_cross", mha(), R(2, 4, 8), attend(source), source=source)
case("attention_masked", mha(), R(2, 4, 8), attend(source, mask), source=source, mask=mask)


class Grouped(nn.Module):
    """Grouped queries with rotary positions, from their definitions: pairs of
    elements are complex numbers that turn with the position."""

    def __init__(self, dim, heads, kv):
        super().__init__()
        self.heads, self.kv, self.d = heads, kv, dim // heads
        self.in_proj_weight = nn.Parameter(torch.empty(dim + 2 * kv * self.d, dim))
        self.in_proj_bias = nn.Parameter(torch.empty(dim + 2 * kv * self.d))
        self.out_proj = nn.Linear(dim, dim)

    def turn(self, t):
        half = self.d // 2
        rate = 10000.0 ** (-torch.arange(half) / half)
        angle = torch.arange(t.shape[2])[:, None] * rate
        z = torch.complex(t[..., :half], t[..., half:]) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([z.real, z.imag], -1)

    def forward(self, x):
        n, l, e = x.shape
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).split([e, self.kv * self.d, self.kv * self.d], 2)
        split = lambda t, h: t.view(n, l, h, self.d).transpose(1, 2)
        q, k, v = self.turn(split(q, self.heads)), self.turn(split(k, self.kv)), split(v, self.kv)
        k, v = (t.repeat_interleave(self.heads // self.kv, 1) for t in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(y.transpose(1, 2).reshape(n, l, e))


case("attention_grouped", Grouped(16, 4, 2), R(2, 5, 16))

encoder = lambda **k: nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True, **k)
case("block_pre", encoder(norm_first=True, activation="gelu"), R(2, 5, 8))
case("block_post", encoder(activation="relu"), R(2, 5, 8))
case("block_no_bias", encoder(norm_first=True, activation="gelu", bias=False), R(2, 5, 8),
     lambda m, x: m(x, src_mask=torch.full((5, 5), float("-inf")).triu(1)))
memory = R(2, 3, 8)
case("block_cross", nn.TransformerDecoderLayer(8, 2, 12, dropout=0.0, batch_first=True, activation="relu"), R(2, 4, 8),
     lambda m, x: m(x, memory, tgt_mask=torch.full((4, 4), float("-inf")).triu(1)), source=memory)


class Gated(nn.Module):
    """A block with RMSNorm and SwiGLU, without biases."""

    def __init__(self):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(8, 2, batch_first=True, bias=False)
        self.linear1, self.linear2, self.linear3 = nn.Linear(8, 12, bias=False), nn.Linear(12, 8, bias=False), nn.Linear(8, 12, bias=False)
        self.norm1, self.norm2 = nn.RMSNorm(8, eps=1e-5), nn.RMSNorm(8, eps=1e-5)

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.self_attn(h, h, h, need_weights=False)[0]
        h = self.norm2(x)
        return x + self.linear2(F.silu(self.linear1(h)) * self.linear3(h))


case("block_swiglu", Gated(), R(2, 5, 8))


def flat(y):
    out, state = y
    return (out, *state) if isinstance(state, tuple) else (out, state)


def packed(lengths):
    def call(m, x):
        p = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, state = m(p)
        out, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
        return flat((out, state))
    return call


lengths = torch.tensor([3, 5, 1])
deep = dict(batch_first=True, num_layers=2, bidirectional=True)
h0, c0 = R(2, 3, 4), R(2, 3, 4)
case("lstm", nn.LSTM(3, 4, batch_first=True, num_layers=2), R(3, 5, 3), lambda m, x: flat(m(x, (h0, c0))), h0=h0, c0=c0)
case("lstm_packed", nn.LSTM(3, 4, **deep), R(3, 5, 3), packed(lengths), lengths=lengths)
case("gru", nn.GRU(3, 4, batch_first=True), R(3, 5, 3), lambda m, x: flat(m(x)))
case("gru_packed", nn.GRU(3, 4, **deep), R(3, 5, 3), packed(lengths), lengths=lengths)
case("rnn", nn.RNN(3, 4, **deep), R(3, 5, 3), lambda m, x: flat(m(x)))
case("rnn_relu", nn.RNN(3, 4, batch_first=True, nonlinearity="relu"), R(3, 5, 3), packed(lengths), lengths=lengths)

write("layers.safetensors")
