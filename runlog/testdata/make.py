"""Writes events.bin with TensorBoard's own code: what events_test.go must write.

    python -m venv tb && tb/bin/pip install tensorboard
    tb/bin/python runlog/testdata/make.py
"""
import io
import os

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

here = os.path.dirname(__file__)
Value = summary_pb2.Summary.Value


def event(step, **more):
    return event_pb2.Event(wall_time=1764072000.25, step=step, **more)


def summary(step, **value):
    return event(step, summary=summary_pb2.Summary(value=[Value(**value)]))


width = (2.5 - -1.5) / 30
values = [-1.5, 0.0, 0.25, 0.25, 2.5]
counts = [0.0] * 30
for v in values:
    counts[min(max(-int(-((v + 1.5) / width) // 1) - 1, 0), 29)] += 1
histo = summary_pb2.HistogramProto(
    min=-1.5, max=2.5, num=5, sum=sum(values), sum_squares=sum(v * v for v in values),
    bucket_limit=[-1.5 + (i + 1) * width for i in range(29)] + [2.5], bucket=counts)
picture = open(os.path.join(here, "pixel.png"), "rb").read() if os.path.exists(os.path.join(here, "pixel.png")) else b""
out = io.BytesIO()
writer = RecordWriter(out)
for e in (
    event(0, file_version="brain.Event:2"),
    summary(0, tag="loss/train", simple_value=0.0),
    summary(7, tag="loss/train", simple_value=0.3125),
    summary(7, tag="loss/test", simple_value=float("nan")),
    summary(300, tag="weights", histo=histo),
    summary(300, tag="constant", histo=summary_pb2.HistogramProto(min=2, max=2, num=3, sum=6, sum_squares=12, bucket_limit=[2.0], bucket=[3.0])),
    summary(301, tag="picture", image=summary_pb2.Summary.Image(height=2, width=3, colorspace=4, encoded_image_string=picture)),
):
    writer.write(e.SerializeToString())
open(os.path.join(here, "events.bin"), "wb").write(out.getvalue())
