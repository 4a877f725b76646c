//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// scratch is a folder for all tests of the package.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "crease-opencl-")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// fresh opens a device that the test has to itself. Without one the test is
// skipped.
func fresh(t testing.TB, name string) *Device {
	t.Helper()
	spec, err := hal.ParseSpec(name)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := open(spec)
	if err != nil {
		conform.Absent(t, kind, err)
	}
	d := dev.(*Device)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func newStream(t testing.TB, d *Device) *stream {
	t.Helper()
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	return s.(*stream)
}

func alloc(t testing.TB, d *Device, n int) hal.Buffer {
	t.Helper()
	b, err := d.Alloc(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Free)
	return b
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func floats(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func ints(v ...int) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return b
}

func toFloats(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// axpy is y = a*x + b for n elements; its values mix sizes, as C lays them out.
func axpy() *kernels.Program {
	return &kernels.Program{
		Name: "axpy", Group: [3]int{16, 1, 1}, Buffers: 2, Values: 24,
		Source: `
struct values { int n; float a; long shift; float b; };
__kernel void axpy(__global const float *x, __global float *y, struct values v) {
	size_t i = get_global_id(0);
	if (i < v.n) y[i + v.shift] = v.a * x[i] + v.b;
}`,
	}
}

var axpyProgram = axpy()

func axpyValues(n int, a float32, shift int, b float32) []byte {
	v := append(ints(n), floats(a)...)
	v = binary.LittleEndian.AppendUint64(v, uint64(shift))
	return append(append(v, floats(b)...), 0, 0, 0, 0)
}

// places writes where every work item of a three-dimensional launch is.
func places() *kernels.Program {
	return &kernels.Program{
		Name: "places", Group: [3]int{4, 2, 3}, Buffers: 1, Values: 4,
		Source: `
struct values { int count; };
__kernel __attribute__((reqd_work_group_size(4, 2, 3)))
void places(__global int *out, struct values v) {
	int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
	int i = x + get_global_size(0) * (y + get_global_size(1) * z);
	if (i < v.count) out[i] = get_group_id(0) + 10 * get_group_id(1) + 100 * get_group_id(2) + 1000 * get_local_id(0) + 10000 * get_local_id(1) + 100000 * get_local_id(2);
}`,
	}
}
