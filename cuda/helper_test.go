package cuda

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// everything is a transfer each way, a copy and a launch.
func everything(d *Device) error {
	stream, err := d.NewStream()
	if err != nil {
		return err
	}
	a, err := d.Alloc(1 << 20)
	if err != nil {
		return err
	}
	defer a.Free()
	b, err := d.Alloc(3 << 20)
	if err != nil {
		return err
	}
	defer b.Free()
	small, large := make([]byte, 1<<20), make([]byte, 3<<20)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	copy(small, large[7:])
	got := make([]byte, len(large))
	p := kernels.TestProgram(kernels.CUDA, "nothing", "\tif (LID(0) < 1) SET(y, 0, GET(x, 0));\n", 32)
	for _, step := range []func() error{
		func() error { return stream.Upload(a, 0, small) },
		func() error { return stream.Upload(b, 0, large) },
		func() error { return stream.Copy(b, 5, a, 0, 1000) },
		func() error { return stream.Copy(b, 0, b, 5, 2000) }, // over itself
		func() error { return stream.Download(got, b, 0) },
		func() error {
			return stream.(kernels.Launcher).Run(p, [3]int{2, 1, 1}, []hal.Buffer{a, b}, make([]byte, p.Values))
		},
		stream.Sync,
		func() error {
			e, err := stream.Record()
			if err != nil {
				return err
			}
			return e.Wait()
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	copy(large[5:], small[:1000])
	copy(large, large[5:2005])
	if !bytes.Equal(got, large) {
		return errors.New("the contents are others")
	}
	return nil
}
