// Package goid tells goroutines apart. crease keeps three things per goroutine,
// as PyTorch keeps them per thread: whether gradients are recorded, the open
// Tidy scopes, and the graph being recorded. An identity is enough for that.
//
// On amd64 and arm64 it is the address of the runtime's descriptor of the
// goroutine, read by two instructions; elsewhere it is parsed from a stack
// trace, which takes about a microsecond. It is unique among living goroutines and
// may be used again after one ends, so whoever stores something under it must
// remove it before the goroutine ends.
package goid
