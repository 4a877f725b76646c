//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/hal"
)

// The cost of a launch alone: queued many at a time, and each waited for.
func BenchmarkLaunch(b *testing.B) {
	for _, name := range []string{"opencl", "opencl@profile=1"} {
		d := fresh(b, name)
		s := newStream(b, d)
		bufs := []hal.Buffer{alloc(b, d, 64), alloc(b, d, 64)}
		p, values := axpy(), axpyValues(1, 1, 0, 0)
		must(b, s.Run(p, [3]int{1, 1, 1}, bufs, values))
		must(b, s.Sync())
		for _, c := range []struct {
			name   string
			groups int
			wait   bool
		}{{"queued", 1, false}, {"waited", 1, true}, {"empty", 0, false}} {
			b.Run(name+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					must(b, s.Run(p, [3]int{c.groups, 1, 1}, bufs, values))
					if c.wait {
						must(b, s.Sync())
					}
				}
				must(b, s.Sync())
			})
		}
	}
}

// Uploads through pinned memory and by a blocking write, after a launch that keeps
// the device busy or after nothing.
func BenchmarkUpload(b *testing.B) {
	for _, staged := range []bool{true, false} {
		d := fresh(b, "opencl")
		d.stage.failed = !staged
		s := newStream(b, d)
		for _, size := range []int{4, 4 << 10, 64 << 10, 1 << 20, 16 << 20} {
			buf, src := alloc(b, d, size), make([]byte, size)
			x, y := alloc(b, d, 1<<20), alloc(b, d, 1<<20)
			for _, busy := range []bool{false, true} {
				b.Run(fmt.Sprintf("staged=%v/%d/busy=%v", staged, size, busy), func(b *testing.B) {
					b.SetBytes(int64(size))
					for range b.N {
						if busy {
							must(b, s.Run(axpyProgram, [3]int{1 << 14, 1, 1}, []hal.Buffer{x, y}, axpyValues(1<<18, 1, 0, 0)))
						}
						must(b, s.Upload(buf, 0, src))
					}
					must(b, s.Sync())
				})
			}
		}
	}
}
