"""Writes the values of PyTorch that tests compare with, one file for each function below.

    python testdata/torch/make.py [NAME ...]

The files are small and are committed; the tests that read them need no Python.
"""
import json
import os
import sys

import torch

TYPES = {
    torch.float64: "f64", torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16",
    torch.float8_e4m3fn: "f8e4m3", torch.float8_e5m2: "f8e5m2",
    torch.int64: "i64", torch.int32: "i32", torch.int16: "i16", torch.int8: "i8",
    torch.uint64: "u64", torch.uint32: "u32", torch.uint16: "u16", torch.uint8: "u8", torch.bool: "bool",
}
NAMES = {name: t for t, name in TYPES.items()}
INF, NAN = float("inf"), float("nan")


def array(t):
    values = t.detach().flatten()
    if t.dtype.is_floating_point:
        values = values.double()
    return {"dtype": TYPES[t.dtype], "shape": list(t.shape), "values": [str(v).lower() if t.dtype == torch.bool else repr(v) for v in values.tolist()]}


def case(name, f, *inputs, op="", args=None, grad=False):
    """A call of f on tensors, with its results or its error, and gradients of the sum of the first result."""
    c = {"name": name, "op": op, "args": args or {}, "in": [array(x) for x in inputs]}
    if grad:
        inputs = [x.clone().requires_grad_() if x.dtype.is_floating_point else x for x in inputs]
    try:
        out = f(*inputs)
    except Exception as e:
        c["error"] = str(e).splitlines()[0]
        return c
    out = out if isinstance(out, (tuple, list)) else [out]
    c["out"] = [array(x) for x in out]
    if grad:
        out[0].sum().backward()
        c["grad"] = [array(x.grad if x.dtype.is_floating_point and x.grad is not None else torch.zeros(0)) for x in inputs]
    return c


def promote():
    for a in TYPES:
        for b in TYPES:
            yield case(f"{TYPES[a]} {TYPES[b]}", lambda x, y: x + y, torch.zeros(1, dtype=a), torch.zeros(1, dtype=b))


def scalars():
    """A tensor and a number. Integers are Python ints here, which is what a whole float64 means to crease."""
    values = {"i64": [1, -2, 3], "i32": [4, 5, -6], "i16": [7, 32767], "i8": [4, 5, -128], "u8": [4, 5, 255], "bool": [True, False],
              "f32": [0.0, -0.0, 1.5], "f16": [0.0, -0.0, 1.5], "bf16": [0.0, -0.0, 1.5], "f64": [0.0, -0.0, 1.5]}
    for name, v in values.items():
        x = torch.tensor(v, dtype=NAMES[name])
        for c in [0.5, -1.5, NAN, INF, -INF, 0, 1, 2, 3, 100, -1, 200, 300, 65536, 2**40]:
            args = {"c": repr(c)}
            yield case(f"{name} + {c}", lambda x: x + c, x, op="add", args=args)
            yield case(f"{name} * {c}", lambda x: x * c, x, op="mul", args=args)
            if (x.dtype.is_floating_point or c != c or c != int(c if abs(c) != INF else 0)) and not (name == "f16" and 65504 < abs(c) < INF):
                yield case(f"{name} ** {c}", lambda x: x**c, x, op="pow", args=args)


def ranges():
    a = lambda *v: {"args": [repr(x) for x in v]}
    for t, *v in [("i64", 2**53, 2**53 + 4, 1), ("i64", 2**62, 2**62 + 9, 3), ("i64", -(2**63), -(2**63) + 4, 1), ("i64", 3, -4, -2), ("u8", 0, 259, 1), ("u8", -3, 3, 1),
                  ("i8", 120, 140, 1), ("i16", 32760, 32775, 3), ("i32", 2**31 - 2, 2**31 + 2, 1), ("f64", 0.0, 1.0, 0.1), ("f64", 1.0, -1.0, -0.3), ("i64", 5, 5, 1)]:
        yield case(f"arange {t} {v}", lambda: torch.arange(*v, dtype=NAMES[t]), op="arange", args=a(*v) | {"dtype": t})
    for t, *v in [("f64", 1e16, 1.0, 3), ("f64", 199.9, -2.63, 5), ("f64", 0.0, 1.0, 1), ("f64", 0.1, 0.7, 4), ("i64", -5.0, 5.0, 4), ("i32", 0.0, 10.0, 7), ("f64", 3.0, 3.0, 4)]:
        yield case(f"linspace {t} {v}", lambda: torch.linspace(*v, dtype=NAMES[t]), op="linspace", args=a(*v) | {"dtype": t})
    for t, v in [("i64", 2**53 + 1), ("i64", -(2**62) - 1), ("i64", 2**63 - 1), ("u64", 2**63 - 1), ("u8", 300), ("i8", -129), ("i64", NAN), ("i64", 1e19), ("i32", INF), ("bool", 1)]:
        yield case(f"full {t} {v}", lambda: torch.full((3,), v, dtype=NAMES[t]), op="full", args=a(v) | {"dtype": t})


def edges():
    """Gradients where a product with 0 would be NaN, and those of 16-bit floats, which PyTorch computes in f32."""
    f = torch.nn.functional
    v = [0.0, -1.0, 1.0, INF, -INF, NAN]
    x, y = torch.tensor(v).repeat_interleave(len(v)), torch.tensor(v).repeat(len(v))
    yield case("max", torch.maximum, x, y, op="max", grad=True)
    yield case("min", torch.minimum, x, y, op="min", grad=True)
    # A gradient that is infinite at the other branch.
    yield case("max-sqrt", lambda a, b: torch.maximum(a, b).sqrt(), torch.tensor([-1.0, 4.0]), torch.tensor([0.0, 0.0]), op="max sqrt", grad=True)
    yield case("min-log", lambda a, b: torch.minimum(a, b).log(), torch.tensor([1.0, 4.0]), torch.tensor([0.0, 0.5]), op="min log", grad=True)
    functions = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "silu": f.silu, "gelu": f.gelu, "gelu_tanh": lambda x: f.gelu(x, approximate="tanh"),
                 "erf": torch.erf, "expm1": torch.expm1, "exp2": torch.exp2, "recip": torch.reciprocal, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "log1p": torch.log1p, "log2": torch.log2}
    for name, g in functions.items():
        for t in [torch.float16, torch.bfloat16]:
            x = torch.rand(12) * 6 - 3
            if name in ("sqrt", "rsqrt", "log1p", "log2", "recip"):
                x = x.abs() + 0.1
            elif name.startswith("gelu"):
                x = torch.cat([x, torch.tensor([255.0, 256, 300, -300, 6e4, -6e4])])
            yield case(f"{name} {TYPES[t]}", g, x.to(t), op=name, grad=True)


def attention():
    """Scaled dot-product attention by PyTorch, which makes a query that sees no key 0."""
    for rows, t in [("first", torch.float32), ("all", torch.float32), ("some", torch.float32), ("first", torch.float64)]:
        q, k, v = torch.randn(2, 3, 4, dtype=t), torch.randn(2, 5, 4, dtype=t), torch.randn(2, 5, 3, dtype=t)
        mask = torch.where(torch.rand(3, 5) < 0.3, -INF, 0.0).to(t)
        mask[{"first": [0], "all": [0, 1, 2], "some": [1, 2]}[rows]] = -INF
        attend = lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        assert not attend(q, k, v).isnan().any(), "PyTorch makes masked rows 0"
        yield case(f"{rows} {TYPES[t]}", attend, q, k, v, op="attention", grad=True, args={"mask": array(mask)})


def cross_entropy():
    for reduction in ["mean", "sum", "none"]:
        for weighted in [False, True]:
            for smoothing in [0.0, 0.1]:
                for ignored in [None, -100, 2]:
                    x, t = torch.randn(6, 4), torch.tensor([0, 3, 2, 2, 1, 0])
                    if ignored == -100:
                        t[1] = -100
                    w = torch.rand(4) + 0.5 if weighted else None
                    kw = {} if ignored is None else {"ignore_index": ignored}
                    f = lambda x, t: torch.nn.functional.cross_entropy(x, t, weight=w, reduction=reduction, label_smoothing=smoothing, **kw)
                    args = {"reduction": reduction, "label_smoothing": smoothing} | kw
                    if weighted:
                        args["weight"] = array(w)
                    yield case(f"{reduction} {args.get('ignore_index', '')} {smoothing} {weighted}", f, x, t, op="cross_entropy", grad=True, args=args)


def write(path, cases):
    """The file of some cases, one a line, without what is empty."""
    lines = ",\n".join(json.dumps({k: v for k, v in c.items() if v not in ("", {}, [])}) for c in cases)
    with open(path, "w") as out:
        out.write('{"torch": "%s", "cases": [\n%s\n]}\n' % (torch.__version__, lines))


FILES = [promote, scalars, ranges, edges, attention, cross_entropy]

if __name__ == "__main__":
    torch.manual_seed(1)
    here = os.path.dirname(os.path.abspath(__file__))
    for f in FILES:
        if len(sys.argv) > 1 and f.__name__ not in sys.argv[1:]:
            continue
        write(os.path.join(here, f.__name__ + ".json"), f())
