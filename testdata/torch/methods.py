"""Writes methods.json: what PyTorch gives for the tensor methods, with gradients.

    python testdata/torch/methods.py

Where NumPy has the same function, its result is compared here, so that the file says what
both give. TestMethodsAgainstTorch reads it.
"""
import os

import numpy as np
import torch

from make import array, write

rng = np.random.default_rng(11)
cases = []


def f(*dims, lo=-2.0, hi=2.0):
    return torch.tensor(rng.uniform(lo, hi, dims).astype(np.float32))


def i(*dims, lo=-5, hi=6, dtype=torch.int64):
    return torch.tensor(rng.integers(lo, hi, dims)).to(dtype)


def b(*dims):
    return torch.tensor(rng.integers(0, 2, dims) == 1)


def case(name, ins, fn, ref=None, grad=True):
    leaves = [x.clone().requires_grad_(x.is_floating_point() and grad) for x in ins]
    out = fn(*leaves)
    out = list(out) if isinstance(out, (tuple, list)) else [out]
    if ref is not None:
        want = ref(*[x.numpy() for x in ins])
        want = list(want) if isinstance(want, (tuple, list)) else [want]
        for t, w in zip(out, want):
            np.testing.assert_allclose(t.detach().numpy(), w, rtol=2e-5, atol=1e-6, err_msg=name)
    c = {"name": name, "in": [array(x) for x in ins], "out": [array(x) for x in out]}
    seeds = [(o, 1 + (torch.arange(o.numel()) % 5).to(o.dtype).reshape(o.shape) / 4) for o in out if o.requires_grad]
    if seeds:
        wrt = [x for x in leaves if x.requires_grad]
        grads = iter(torch.autograd.grad([o for o, _ in seeds], wrt, [d for _, d in seeds]))
        c["grad"] = [array(next(grads)) if x.requires_grad else None for x in leaves]
    cases.append(c)


x34, x234 = f(3, 4), f(2, 3, 4)

# products
case("matmul/vector·vector", [f(5), f(5)], torch.matmul, np.matmul)
case("matmul/vector·matrix", [f(3), f(3, 4)], torch.matmul, np.matmul)
case("matmul/matrix·vector", [f(3, 4), f(4)], torch.matmul, np.matmul)
case("matmul/vector·batch", [f(3), f(2, 3, 4)], torch.matmul, np.matmul)
case("matmul/batch·vector", [f(2, 3, 4), f(4)], torch.matmul, np.matmul)
case("matmul/integers", [i(3), i(3, 2)], torch.matmul, np.matmul)
case("dot", [f(6), f(6)], torch.dot, np.dot)
case("outer", [f(3), f(4)], torch.outer, np.outer)
for p in (0.0, 0.5, 1.0, 2.0, 3.0, float("inf"), float("-inf")):
    case(f"norm/{p}", [x234], lambda x, p=p: torch.linalg.vector_norm(x, p, dim=(1, 2)), grad=p != 0)
case("norm/all", [x234], lambda x: torch.linalg.vector_norm(x), lambda x: np.linalg.norm(x.ravel()))
case("norm/keep", [x34], lambda x: torch.linalg.vector_norm(x, 2, dim=0, keepdim=True))
case("norm/of zeros", [torch.zeros(2, 3)], lambda x: torch.linalg.vector_norm(x, 2, dim=1))
case("diagonal/0", [f(3, 3)], torch.diagonal, np.diagonal)
case("diagonal/1", [f(2, 3, 5)], lambda x: torch.diagonal(x, 1, -2, -1))
case("diagonal/-1", [f(4, 2)], lambda x: torch.diagonal(x, -1))
for eq, dims in {
    "ij,jk->ik": [(2, 3), (3, 4)], "ij,jk": [(2, 3), (3, 4)], "ji": [(2, 3)], "ii": [(3, 3)], "ii->i": [(3, 3)], "ij->": [(2, 3)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 2)], "...ij,...jk->...ik": [(2, 1, 3, 2), (4, 2, 3)], "i,j->ij": [(2,), (3,)], "i,i": [(4,), (4,)],
    "bhqd,bhkd->bhqk": [(2, 2, 3, 4), (2, 2, 5, 4)], "ij,ij->i": [(3, 4), (3, 4)], "ab,bc,cd->ad": [(2, 3), (3, 2), (2, 4)],
    "abc,cb->a": [(2, 3, 4), (4, 3)], "...i->...": [(2, 3, 4)], "iij,jk->ik": [(3, 3, 2), (2, 4)], "ba,...b": [(2, 3), (4, 2)], "ij,kl->": [(2, 2), (2, 3)],
}.items():
    case("einsum/" + eq, [f(*d) for d in dims], lambda *x, eq=eq: torch.einsum(eq, *x), lambda *x, eq=eq: np.einsum(eq, *x))

# cutting and laying out
case("split/2", [f(3, 5)], lambda x: x.split(2, 1))
case("split/sizes", [f(6, 2)], lambda x: x.split([1, 3, 2], 0))
case("chunk/3", [f(7, 2)], lambda x: x.chunk(3, 0))
case("chunk/fewer", [f(5)], lambda x: x.chunk(4, 0))
case("unbind", [x34], lambda x: x.unbind(1))
case("stack", [f(2, 3), f(2, 3)], lambda x, y: torch.stack([x, y], -1), lambda x, y: np.stack([x, y], -1))
case("repeat", [f(2, 3)], lambda x: x.repeat(2, 1, 3), lambda x: np.tile(x, (2, 1, 3)))
case("repeat_interleave", [f(2, 3)], lambda x: x.repeat_interleave(2, 1), lambda x: np.repeat(x, 2, 1))
case("roll/2", [f(2, 5)], lambda x: x.roll(2, 1), lambda x: np.roll(x, 2, 1))
case("roll/-7", [f(5, 2)], lambda x: x.roll(-7, 0), lambda x: np.roll(x, -7, 0))
case("flip", [x234], lambda x: x.flip(0, 2), lambda x: np.flip(x, (0, 2)))
for k in (-1, 0, 2):
    case(f"tril/{k}", [x234], lambda x, k=k: x.tril(k), lambda x, k=k: np.tril(x, k))
    case(f"triu/{k}", [f(4, 3)], lambda x, k=k: x.triu(k), lambda x, k=k: np.triu(x, k))
case("tril/integers", [i(3, 3, dtype=torch.int32)], torch.tril, np.tril)

# running and in order
case("cumsum", [x234], lambda x: x.cumsum(1), lambda x: np.cumsum(x, 1))
case("cumsum/bool", [b(9)], lambda x: x.cumsum(0), lambda x: np.cumsum(x, 0))
case("cumprod", [x34], lambda x: x.cumprod(-1), lambda x: np.cumprod(x, -1))
z = f(2, 5)
z[0, 1] = z[1, 0] = z[1, 3] = 0
case("cumprod/zeros", [z], lambda x: x.cumprod(1), lambda x: np.cumprod(x, 1))
case("sort", [f(3, 7)], lambda x: torch.sort(x, dim=1, stable=True))
case("sort/descending", [f(7, 2)], lambda x: torch.sort(x, dim=0, descending=True, stable=True))
case("sort/ties", [i(2, 20, lo=0, hi=3)], lambda x: torch.sort(x, dim=1, stable=True))
case("sort/ties descending", [i(2, 20, lo=0, hi=3)], lambda x: torch.sort(x, dim=1, descending=True, stable=True))
n = f(8)
n[2] = n[5] = float("nan")
n[1], n[3] = float("inf"), float("-inf")
case("sort/nan", [n], lambda x: torch.sort(x, dim=0, stable=True), grad=False)
case("sort/nan descending", [n], lambda x: torch.sort(x, dim=0, descending=True, stable=True), grad=False)
case("argsort", [f(4, 5)], lambda x: x.argsort(1), lambda x: np.argsort(x, 1, kind="stable"))
case("topk", [f(3, 9)], lambda x: x.topk(4, 1))
case("topk/smallest", [f(9, 2)], lambda x: x.topk(3, 0, largest=False))
case("nonzero", [i(3, 4, lo=-1, hi=2)], torch.nonzero, lambda x: np.argwhere(x))
case("nonzero/none", [torch.zeros(2, 2)], torch.nonzero, lambda x: np.argwhere(x), grad=False)
case("unique", [i(3, 5, lo=0, hi=5)], lambda x: torch.unique(x, return_inverse=True, return_counts=True),
     lambda x: np.unique(x, return_inverse=True, return_counts=True))
case("unique/floats", [torch.tensor([2.5, -1, 2.5, 0, -1, 7])], lambda x: torch.unique(x, return_inverse=True, return_counts=True), grad=False)

# truth values and integers
case("any/bool", [b(3, 4)], lambda x: x.any(1), lambda x: x.any(1))
case("all/integers", [i(3, 2, lo=-1, hi=3)], lambda x: x.all(1), lambda x: x.all(1))
case("any/floats", [torch.tensor([[0.0, 0.5], [0.0, -0.0]])], lambda x: x.any(1), lambda x: x.any(1), grad=False)
case("sum/bool", [b(3, 4)], lambda x: x.sum(1), lambda x: x.sum(1))
case("prod/bool", [b(3, 2)], lambda x: x.prod(1), lambda x: x.prod(1))
case("sum/u8 as i64", [i(4, 5, lo=200, hi=256, dtype=torch.uint8)], lambda x: x.sum(1), lambda x: x.sum(1))
case("mean/integers", [i(4, 5)], lambda x: x.mean(1, dtype=torch.float32), lambda x: x.mean(1, dtype=np.float32))
case("mean/bool", [b(4, 5)], lambda x: x.mean(dtype=torch.float32), lambda x: x.mean(dtype=np.float32))

# indices and masks
m34, m3 = b(3, 4), torch.tensor([True, False, True])
rows, cols = torch.tensor([0, -1, 1, 0]), torch.tensor([3, 0, -4, 3])
case("get/[idx]", [x34, rows], lambda x, r: x[r], lambda x, r: x[r])
case("get/[:, idx]", [x34, cols], lambda x, c: x[:, c], lambda x, c: x[:, c])
case("get/[idx, idx]", [x34, rows, cols], lambda x, r, c: x[r, c], lambda x, r, c: x[r, c])
case("get/[idx, idx] broadcast", [x34, rows.reshape(4, 1), cols], lambda x, r, c: x[r, c], lambda x, r, c: x[r, c])
case("get/[idx, :, idx]", [x234, torch.tensor([1, -1]), torch.tensor([0, 2])], lambda x, r, c: x[r, :, c], lambda x, r, c: x[r, :, c])
case("get/[..., idx, 1:3]", [x234, torch.tensor([[2, 0], [-1, -1]])], lambda x, r: x[..., r, 1:3], lambda x, r: x[..., r, 1:3])
case("get/[1, :, idx]", [x234, cols], lambda x, c: x[1, :, c])
case("get/[:, None, idx]", [x34, cols], lambda x, c: x[:, None, c], lambda x, c: x[:, None, c])
case("get/[mask]", [x34, m34], lambda x, m: x[m], lambda x, m: x[m])
case("get/[mask] rows", [x34, m3], lambda x, m: x[m], lambda x, m: x[m])
case("get/[:, mask]", [f(2, 3), m3], lambda x, m: x[:, m], lambda x, m: x[:, m])
case("get/[mask, idx]", [x34, m3, torch.tensor([1, -1])], lambda x, m, c: x[m, c], lambda x, m, c: x[m, c])
case("get/negative", [x234], lambda x: x[-1, :, -3:-1], lambda x: x[-1, :, -3:-1])


def put(x, v, *index):
    y = x.clone()
    y[index] = v
    return y


case("set/[idx]", [x34, torch.tensor([2, -3]), f(2, 4)], lambda x, r, v: put(x, v, r))
case("set/[idx] broadcast", [x34, torch.tensor([0, -1]), f(4)], lambda x, r, v: put(x, v, r))
case("set/[idx, idx]", [x34, torch.tensor([0, 2]), torch.tensor([-1, 1]), f(2)], lambda x, r, c, v: put(x, v, r, c))
case("set/[mask]", [x34, m34, f(int(m34.sum()))], lambda x, m, v: put(x, v, m))
case("set/[mask] scalar", [x34, m3, f()], lambda x, m, v: put(x, v, m))
case("set/[1:, ::2]", [x34, f(2, 2)], lambda x, v: put(x, v, slice(1, None), slice(None, None, 2)))
case("masked_fill", [x34, torch.tensor([True, False, False, True])], lambda x, m: x.masked_fill(m, -7))
case("scatter", [x34, torch.tensor([[0, 2, 1], [3, 1, 0]]), f(2, 3)], lambda x, k, v: x.scatter(1, k, v))

write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "methods.json"), cases)
