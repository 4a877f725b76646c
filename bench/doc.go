// Package bench measures ops on devices: how long they take, how near they come
// to the device's limit, and how they compare with the same product in OpenBLAS.
//
// A measurement is the median of several samples; a sample repeats the op until
// fifty milliseconds have passed. Where there is a peer, its samples and
// ours take turns, so that both see the same noise.
//
// [Measure] is for ops whose arithmetic counts, [Tune] searches kernel parameters,
// and [MeasureOverhead] is for what is left when arithmetic does not count: small
// matrices through the package crease, beside NumPy and PyTorch. To add a workload
// there, add a line to overheadSuite, and one to peer/python.py where a peer has the
// same thing.
package bench
