// Package all brings every device that crease has: import it for its effect,
//
//	import _ "github.com/crease-ml/crease/all"
//
// and crease.Open finds processors, OpenCL and CUDA devices and emulated TPUs. A program
// that imports single backends is smaller; one that opens a device without its
// import gets an error that names the package.
//
// A new backend adds its import here, and its kind to the list in package hal.
package all

import (
	_ "github.com/crease-ml/crease/cpu"    // the machine's processor
	_ "github.com/crease-ml/crease/cuda"   // NVIDIA GPUs, and their emulation
	_ "github.com/crease-ml/crease/opencl" // devices of the machine's OpenCL drivers
	_ "github.com/crease-ml/crease/tpu"    // emulated systolic arrays
)
