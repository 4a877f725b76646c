"""Checks that the names of PyTorch and NumPy in docs/pytorch.md exist.

    python testdata/torch/names.py
"""
import re
import sys

import numpy
import torch
import torch.utils.data  # noqa: F401
import torch.optim.swa_utils  # noqa: F401

missing = 0
for name in sorted(set(re.findall(r"`((?:torch|numpy)(?:\.\w+)+)", open("docs/pytorch.md").read()))):
    obj = {"torch": torch, "numpy": numpy}[name.split(".")[0]]
    try:
        for part in name.split(".")[1:]:
            obj = getattr(obj, part)
    except AttributeError:
        # Attributes of instances are not on the class.
        if name not in ("torch.Tensor.tolist",):
            print("there is no", name)
            missing += 1
sys.exit(missing > 0)
