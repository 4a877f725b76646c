"""Writes optimizers.json and schedules.json: what PyTorch's optimisers make of
random parameters and gradients in 12 steps, and the rates of its schedulers.

Lion and LAMB are not in PyTorch: they are written here from their papers, in
float64. Muon's iteration runs in float32 here, in place of bfloat16.
Run with a Python that has torch: python make.py (from this directory).
"""

import inspect
import json
import math

import torch
from torch import optim
from torch.optim import _muon
from torch.optim import lr_scheduler as sched

torch.manual_seed(9)
source = inspect.getsource(_muon._zeropower_via_newtonschulz).replace("torch.bfloat16", "torch.float32")
exec(source, _muon.__dict__)

STEPS = 12
shapes = {"w": (3, 5), "tall": (6, 2), "b": (4,)}
start = {n: torch.randn(s) for n, s in shapes.items()}
grads = [{n: torch.randn(s) for n, s in shapes.items()} for _ in range(STEPS)]
flat = lambda t: t.detach().double().flatten().tolist()
rate = lambda k: 0.05 / (1 + 0.1 * k)
out = {"shapes": shapes, "start": {n: flat(t) for n, t in start.items()}, "grads": [{n: flat(t) for n, t in g.items()} for g in grads],
       "rates": [rate(k) for k in range(STEPS)], "results": {}}


def run(name, make, names=tuple(shapes)):
    params = {n: start[n].clone().requires_grad_() for n in names}
    o = make(list(params.values()))
    for k in range(STEPS):
        for n, p in params.items():
            p.grad = grads[k][n].clone()
        for g in o.param_groups:
            g["lr"] = rate(k)
        o.step()
    out["results"][name] = {n: flat(p) for n, p in params.items()}


run("rmsprop", lambda p: optim.RMSprop(p, alpha=0.9))
run("rmsprop_all", lambda p: optim.RMSprop(p, alpha=0.95, momentum=0.8, centered=True, weight_decay=0.1))
run("adagrad", lambda p: optim.Adagrad(p))
run("adagrad_all", lambda p: optim.Adagrad(p, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.3))
run("adadelta", lambda p: optim.Adadelta(p))
run("adadelta_all", lambda p: optim.Adadelta(p, rho=0.8, eps=1e-4, weight_decay=0.1))
run("muon", lambda p: optim.Muon(p, weight_decay=0.0), ("w", "tall"))
run("muon_all", lambda p: optim.Muon(p, momentum=0.9, nesterov=False, weight_decay=0.2), ("w", "tall"))


def lion(p, g, s, k, b1=0.9, b2=0.99, wd=0.2):
    m = s.get("m", torch.zeros_like(p))
    update = torch.sign(b1 * m + (1 - b1) * g)
    s["m"] = b2 * m + (1 - b2) * g
    return p - rate(k) * (update + wd * p)


def lamb(p, g, s, k, b1=0.9, b2=0.999, eps=1e-6, wd=0.1):
    s["m"] = b1 * s.get("m", torch.zeros_like(p)) + (1 - b1) * g
    s["v"] = b2 * s.get("v", torch.zeros_like(p)) + (1 - b2) * g * g
    r = s["m"] / (1 - b1 ** (k + 1)) / ((s["v"] / (1 - b2 ** (k + 1))).sqrt() + eps) + wd * p
    ratio = p.norm() / r.norm() if p.norm() > 0 and r.norm() > 0 else 1.0
    return p - rate(k) * ratio * r


for name, step in (("lion", lion), ("lamb", lamb)):
    res = {}
    for n in shapes:
        p, s = start[n].double(), {}
        for k in range(STEPS):
            p = step(p, grads[k][n].double(), s, k)
        res[n] = flat(p)
    out["results"][name] = res
json.dump(out, open("optimizers.json", "w"), separators=(",", ":"))

schedules = {}


def rates(name, make, steps=30):
    o = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    s = make(o)
    list_ = []
    for _ in range(steps):
        list_.append(o.param_groups[0]["lr"])
        o.step()
        s.step()
    schedules[name] = list_


rates("stair", lambda o: sched.StepLR(o, 7, 0.3))
rates("milestones", lambda o: sched.MultiStepLR(o, [4, 11, 12], 0.5))
rates("exponential", lambda o: sched.ExponentialLR(o, 0.9))
rates("linear", lambda o: sched.LinearLR(o, 0.25, 0.75, 20))
rates("polynomial", lambda o: sched.PolynomialLR(o, 25, 2.0))
rates("cosine", lambda o: sched.CosineAnnealingLR(o, 29, 0.04))
rates("one_cycle", lambda o: sched.OneCycleLR(o, 0.4, total_steps=30))
rates("after", lambda o: sched.SequentialLR(o, [sched.LinearLR(o, 0.5, 1, 8), sched.ExponentialLR(o, 0.8)], [8]))
rates("times", lambda o: sched.ChainedScheduler([sched.StepLR(o, 5, 0.5), sched.ExponentialLR(o, 0.95)]))

o = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
p = sched.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1, min_lr=0.06)
metric, plateau = [3, 2, 2, 2, 2, 2, 1.9, 1.89999, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6], []
for m in metric:
    p.step(m)
    plateau.append(o.param_groups[0]["lr"])
json.dump({"rates": schedules, "metric": metric, "plateau": plateau}, open("schedules.json", "w"), separators=(",", ":"))
