"""Writes losses.json: the losses of torch.nn.functional and their gradients.

    python nn/testdata/torch/losses.py
"""
import os
import sys

import torch
import torch.nn.functional as F

here = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(here, "../../../testdata/torch"))
from make import array, write

torch.manual_seed(5)
cases = []


def case(name, x, target, fn, *more):
    """fn(x, target, reduction, *more) for every reduction it has."""
    for reduction in ("mean", "sum", "none") + (("batchmean",) if name.startswith("kl") else ()):
        leaf = x.clone().requires_grad_()
        out = fn(leaf, target, reduction, *more)
        (out * (1 + torch.arange(out.numel()).reshape(out.shape) % 5 / 4)).sum().backward()
        cases.append({
            "name": name, "args": {"reduction": reduction}, "in": [array(v) for v in (x, target, *more)], "out": [array(out)], "grad": [array(leaf.grad)],
        })


x, y = torch.randn(4, 5) * 2, torch.randn(4, 5)
x[0, 0] = y[0, 0]  # where the magnitude has no slope
case("mse", x, y, lambda x, t, r: F.mse_loss(x, t, reduction=r))
case("l1", x, y, lambda x, t, r: F.l1_loss(x, t, reduction=r))
case("smooth_l1", x, y, lambda x, t, r: F.smooth_l1_loss(x, t, reduction=r, beta=0.7))
case("huber", x, y, lambda x, t, r: F.huber_loss(x, t, reduction=r, delta=1.3))
z, t = torch.randn(4, 5) * 30, torch.rand(4, 5)
z[1, 1] = 0
case("bce", z, t, lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, reduction=r))
case("bce weights", z, t, lambda x, t, r, w, p: F.binary_cross_entropy_with_logits(x, t, reduction=r, weight=w, pos_weight=p), torch.rand(5), torch.rand(5) * 3)
logp, k = torch.randn(4, 5).log_softmax(1), torch.tensor([1, 4, 0, 1])
case("nll", logp, k, lambda x, t, r: F.nll_loss(x, t, reduction=r))
case("nll weights", logp, k, lambda x, t, r, w: F.nll_loss(x, t, w, reduction=r, ignore_index=4), torch.rand(5))
case("nll pixels", torch.randn(2, 3, 4).log_softmax(1), torch.tensor([[0, 1, 2, -100], [2, -100, 1, 0]]), lambda x, t, r: F.nll_loss(x, t, reduction=r))
q = torch.rand(4, 5).softmax(1)
q[2, 3] = 0
case("kl", logp, q, lambda x, t, r: F.kl_div(x, t, reduction=r))
case("kl log", logp, torch.randn(4, 5).log_softmax(1), lambda x, t, r: F.kl_div(x, t, reduction=r, log_target=True))

write(os.path.join(here, "losses.json"), cases)
