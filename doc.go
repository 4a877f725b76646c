// Package crease is deep learning on whatever hardware is there: tensors that
// move between devices, gradients, and graphs that are compiled from the same
// functions that run eagerly.
//
//	w := crease.Randn([]int{3, 1}).RequireGrad()
//	x := crease.From([]float32{1, 2, 3, 4, 5, 6}, []int{2, 3})
//	loss := x.MatMul(w).Square().Mean()
//	loss.Backward()
//	fmt.Println(w.Grad())
//
// A [Tensor] is an n-dimensional array of one element type on one [Device]. Its
// methods follow NumPy (broadcasting, views, printing) and PyTorch (names,
// gradients); every row of the op table that needs nothing but tensors is a method,
// and [Apply] runs any row. A device is opened by name ([Open]); tensors are
// created on the default device ([Default], CREASE_DEVICE) or with [On].
//
// # Memory
//
// Device memory comes from a pool, and a tensor holds its part until [Tensor.Free],
// until the [Tidy] it was made in ends, or until the garbage collector finds it
// unreachable, whichever is first. Loops belong in a Tidy.
//
// # Errors
//
// Misuse panics with a typed error: a *ops.UsageError for a tensor, module or device that
// is nil, zero, freed or elsewhere; *ops.ShapeError, *ops.DTypeError, *ops.AttrError and
// *ops.GradError for tensors and settings that do not go together. ops.IsMisuse knows them
// all, and those of other packages, by their method Misuse. A failing device panics with a
// *hal.DeviceError. [Try] turns a panic of either kind into a returned error. Functions that
// meet the outside world, such as [Open], return errors.
//
// # Goroutines
//
// Tensors may be used from several goroutines when none changes them. [NoGrad],
// [Tidy] and the recording of [Compile] concern the calling goroutine only.
package crease
