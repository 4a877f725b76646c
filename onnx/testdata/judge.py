"""Runs a model in ONNX Runtime: judge.py MODEL INPUT.npy... OUTPUT.npy"""
import sys

import numpy
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
arrays = [numpy.load(f) for f in sys.argv[2:-1]]
feed = {i.name: a for i, a in zip(session.get_inputs(), arrays)}
numpy.save(sys.argv[-1], session.run(None, feed)[0])
