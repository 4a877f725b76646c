// Package graph is the static half of crease: a builder that records instead
// of running, passes over what it recorded, and an executable that replays it.
//
// A [Graph] is an ops.Builder, so every function written over the seam
// (layers, gradients, lowerings) can be recorded. Recording hash-conses: an op
// with the attributes and inputs of an earlier one is that one, which is common
// sub-expression elimination. [Graph.Compile] then drops what no result needs,
// folds ops on constants, and lays the rest out as a flat list of instructions
// that releases every value after its last use. Replay dispatches each
// instruction through the engine's ladder: the same kernels as eager, hence
// the same bits.
//
// Fusion, a static memory plan and distribution are passes between recording
// and layout.
package graph
