// Command vec writes the amd64 assembly of package cpu/vec.
//
// Each kernel is described once, as the operation on one vector register, and
// emitted at the width of the level asked: AVX2 with FMA, or AVX-512F. Run it
// through go generate in cpu/vec. emit.go is the vocabulary, elementwise.go, fold.go and
// chain.go the three loop shapes, kernels.go, math.go and chain_ops.go the contents.
package main

import (
	"flag"
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	level := flag.String("level", "avx2", "instruction set to emit: avx2 or avx512")
	flag.Parse()
	var e *emitter
	switch *level {
	case "avx2":
		e = newEmitter(256, "AVX2")
	case "avx512":
		e = newEmitter(512, "AVX512")
	default:
		fmt.Fprintf(os.Stderr, "vec: unknown level %q: use avx2 or avx512\n", *level)
		os.Exit(2)
	}
	ConstraintExpr("!noasm")
	for _, k := range elementwiseKernels() {
		k.emit(e)
	}
	for _, k := range foldKernels() {
		k.emit(e)
	}
	(&chain{emitter: e, ops: chainOps()}).emit()
	Generate()
}
