"""Times small operations of NumPy or PyTorch for crease bench overhead.

Usage: python3 -c SCRIPT LIBRARY. The first line on standard output says what is
there. Then a line on standard input asks for a sample of a workload, as in
{"workload": "eager_add", "seconds": 0.01}, and a line on standard output answers
with the nanoseconds of one operation, {"ns": 612.3}, or with {"error": "why not"}.
The end of standard input ends the program.
"""

import sys

# With -c the working directory comes first, and a numpy.py in it is not NumPy.
sys.path = [p for p in sys.path if p]

import functools
import json
import os
import timeit

LINKS = 64  # operations of a chain, as in bench/overhead_suite.go
LARGE = (512, 4096)  # sides of its large matrices

WARM = 10  # calls before one is timed: the first ones load, trace and optimise

# A chain is written out as a user of the library would write it.
CHAIN = "z = x\nfor _ in links: z = z + y"


def large(matrix):
    """Returns a function that gives two square matrices of a side, made once."""
    return functools.cache(lambda n: (matrix(n, 1), matrix(n, 2)))


def numpy():
    import numpy as np

    names = {
        "x": np.full((8, 8), 0.5, np.float32),
        "y": np.full((8, 8), 0.25, np.float32),
        "links": range(LINKS),
        "np": np,
        "large": large(lambda n, k: np.random.default_rng(n + k).random((n, n), np.float32) - np.float32(0.5)),
    }
    return np.__version__, names, {
        **{f"chain_{n}": (1, "np.maximum(x * y + x, 0)", f"x, y = large({n})") for n in LARGE},
        "eager_add": (1, "x + y"),
        "eager_matmul": (1, "x @ y"),
        "eager_view": (1, "x.T"),
        "chain_add": (LINKS, CHAIN),
    }


def torch():
    import torch as th

    th.set_num_threads(1)

    def adds(x, y):
        for _ in range(LINKS):
            x = x + y
        return x

    def matmuls(x, y):
        for _ in range(LINKS):
            x = x @ y
        return x

    def relu(x, y):
        return th.relu(x * y + x)

    def trace(f, *operands):
        return th.jit.trace(f, operands or (x, turn), check_trace=False)

    x, y, turn = th.full((8, 8), 0.5), th.full((8, 8), 0.25), th.eye(8)
    names = {
        "x": x,
        "y": y,
        "turn": turn,
        "leaf": th.full((8, 8), 0.5, requires_grad=True),
        "seed": th.ones(8, 8),
        "links": range(LINKS),
        "adds": adds,
        "matmuls": matmuls,
        "relu": relu,
        "large": large(lambda n, k: th.rand(n, n) - 0.5),
        "trace": trace,
        "traced": functools.cache(trace),  # not anew for every sample
    }
    return th.__version__, names, {
        "eager_add": (1, "x + y"),
        "eager_matmul": (1, "x @ y"),
        "eager_view": (1, "x.T"),
        "chain_add": (LINKS, CHAIN),
        "recorded_add": (1, "leaf + y"),
        "forward_backward": (1, "(leaf + y).backward(seed)\nleaf.grad = None"),
        "compiled_matmul": (LINKS, "graph(x, turn)", "graph = traced(matmuls)"),
        "compiled_add": (LINKS, "graph(x, y)", "graph = traced(adds)"),
        "compile_run_drop": (LINKS, "trace(matmuls)(x, turn)"),
        **{f"chain_{n}": (1, "relu(x, y)", f"x, y = large({n})") for n in LARGE},
        **{f"fused_{n}": (1, "graph(x, y)", f"x, y = large({n})\ngraph = traced(relu, x, y)") for n in LARGE},
    }


def calls_lasting(seconds, timer):
    """Returns how many calls last about so long, when the first ones have warmed up."""
    timer.timeit(WARM)
    n = 1
    while True:
        took = timer.timeit(n)
        if took >= seconds / 4:
            return max(1, round(n * seconds / took))
        n *= 2


def main(library):
    # What a library prints must not come between the answers.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**what):
        out.write(json.dumps(what) + "\n")
        out.flush()

    try:
        version, names, table = {"numpy": numpy, "torch": torch}[library]()
    except Exception as e:
        return answer(error=f"{type(e).__name__}: {e}")
    answer(library=library, version=str(version), python=sys.version.split()[0], workloads=list(table))
    ready = {}
    for line in sys.stdin:
        ask = json.loads(line)
        name = ask["workload"]
        try:
            ops, *text = table[name]
            if name not in ready:
                timer = timeit.Timer(*text, globals=names)
                ready[name] = timer, calls_lasting(ask["seconds"], timer)
            timer, n = ready[name]
            timer.timeit(1 + n // 10)  # caches have seen other workloads since
            answer(ns=timer.timeit(n) / (n * ops) * 1e9)
        except Exception as e:
            answer(error=f"{type(e).__name__}: {e}")


main(sys.argv[1])
