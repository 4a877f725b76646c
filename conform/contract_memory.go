package conform

import (
	"errors"
	"math"
	"slices"
	"unsafe"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// checkDevice is the part device.
func checkDevice(t *trial) {
	info := t.dev.Info()
	t.at("Info")
	if _, err := hal.ParseSpec(info.Name); err != nil {
		t.errorf("the name is none: %v", err)
	}
	if info.Kind == "" {
		t.errorf("there is no kind")
	}
	if a := info.Alignment; a < 0 || a&(a-1) != 0 {
		t.errorf("the alignment of %d is no power of two", a)
	}
	if len(info.DTypes) == 0 {
		t.errorf("no element type is supported")
	}
	for dt, p := range info.Products {
		if bits := []int{p.Multiply, p.Accumulate}; !dt.IsFloat() || slices.Min(bits) < 0 || slices.Max(bits) > 53 {
			t.errorf("products of %v are computed in %+v bits, of 0 to 53", dt, p)
		}
	}
	t.at("Kernels")
	if r := t.dev.Kernels(); r == nil || r != t.dev.Kernels() {
		t.errorf("the registry is %p, and then %p", r, t.dev.Kernels())
	}
	s := t.stream(t.dev)
	if s.Device() != t.dev {
		t.errorf("the stream's device is another: those who wrap a device must wrap its streams")
	}
	b := t.alloc(t.dev, 8)
	defer b.Free()
	if b.Device() != t.dev {
		t.errorf("the buffer's device is another: those who wrap a device must wrap its buffers")
	}
}

// checkAlloc is the part alloc. All buffers live at once, so that no two may share
// memory.
func checkAlloc(t *trial) {
	s := t.stream(t.dev)
	align := max(t.dev.Info().Alignment, 1)
	mapper, visible := t.dev.(hal.Mapper)
	type held struct {
		buf  hal.Buffer
		data []byte
	}
	var all []held
	for _, n := range []int{0, 1, 3, 64, 255, 4097, 1<<16 + 1, 1 << 20, 3<<20 + 5, 0, 1} {
		b := t.alloc(t.dev, n)
		if b.Size() != n {
			t.errorf("the buffer has %d bytes", b.Size())
		}
		data := noise(t.r, n)
		t.upload(s, b, 0, data)
		all = append(all, held{b, data})
	}
	t.sync(s)
	for _, h := range all {
		t.holds(s, "what was uploaded first", h.buf, h.data)
		if !visible {
			continue
		}
		t.at("Bytes of a buffer of %d", len(h.data))
		mem := mapper.Bytes(h.buf)
		t.equal("the memory that the host sees", mem, h.data)
		if address := uintptr(unsafe.Pointer(unsafe.SliceData(mem))); len(mem) > 0 && address%uintptr(align) != 0 {
			t.errorf("its address %#x is not aligned to %d bytes, as Info says", address, align)
		}
	}
	for _, h := range all {
		h.buf.Free()
	}
	for what, n := range map[string]int{
		"Alloc(-1)": -1, "Alloc of the least int": math.MinInt,
		"Alloc of one byte more than shape.MaxBytes": shape.MaxBytes + 1, "Alloc of the largest int": math.MaxInt,
	} {
		t.refused(what, func() error {
			_, err := t.dev.Alloc(n)
			return err
		})
	}
	t.works(s, "after refusing sizes")
}

// checkFreeTwice is the part free-twice: a block that is put back twice has two owners
// later.
func checkFreeTwice(t *trial) {
	s := t.stream(t.dev)
	for _, n := range []int{1, 1000, 1 << 20} {
		b, _ := t.filled(s, n)
		t.at("Free of %d bytes, three times", n)
		b.Free()
		t.together(2, func(int) { b.Free() })
		x, dx := t.filled(s, n)
		y, dy := t.filled(s, n)
		t.sync(s)
		t.holds(s, "the first of two buffers made after a double free", x, dx)
		t.holds(s, "the second of two buffers made after a double free", y, dy)
		x.Free()
		y.Free()
	}
}

// checkMemory is the part memory.
func checkMemory(t *trial) {
	meter, ok := t.dev.(hal.Meter)
	if !ok {
		t.skip("the device has no statistics (hal.Meter)")
	}
	s := t.stream(t.dev)
	t.works(s, "at first")
	before := meter.Memory()
	same := func(when string) {
		t.sync(s)
		t.at("Memory %s", when)
		if m := meter.Memory(); m.InUse != before.InUse || m.Buffers != before.Buffers {
			t.errorf("%d buffers of %d bytes are in use, and before were %d of %d", m.Buffers, m.InUse, before.Buffers, before.InUse)
		}
	}
	for range 3 {
		var all []hal.Buffer
		total := 0
		for _, n := range []int{0, 1, 100, 5000, 70_001, 1 << 20} {
			b, _ := t.filled(s, n)
			all = append(all, b)
			total += n
		}
		t.at("Memory with %d more buffers of %d bytes", len(all), total)
		m := meter.Memory()
		if m.Buffers != before.Buffers+len(all) || m.InUse < before.InUse+total || m.HighWater < m.InUse || m.Cached < 0 {
			t.errorf("%+v, and before %+v", m, before)
		}
		for _, b := range all {
			b.Free()
			b.Free()
		}
		same("after they were freed")
	}
	for _, n := range []int{-1, shape.MaxBytes + 1} {
		t.at("Alloc(%d)", n)
		if b, err := t.dev.Alloc(n); err == nil {
			b.Free() // see the part alloc
		}
	}
	same("after sizes were refused")
	t.at("Upload out of range")
	b, _ := t.filled(s, 10)
	_ = s.Upload(b, 5, make([]byte, 10))
	b.Free()
	same("after a range was refused")
	for range 100 {
		b, _ := t.filled(s, 3000)
		b.Free()
	}
	same("after a hundred rounds")
}

// plenty is the memory in bytes that a test does not fill.
const plenty = 256 << 20

// checkOutOfMemory is the part out-of-memory.
func checkOutOfMemory(t *trial) {
	memory := t.dev.Info().Memory
	if memory > 0 && memory < shape.MaxBytes {
		t.is(hal.ErrOutOfMemory, "Alloc of more than Info().Memory", func() error {
			b, err := t.dev.Alloc(shape.MaxBytes)
			if err == nil {
				b.Free()
			}
			return err
		})
		t.works(t.stream(t.dev), "after running out of memory")
	}
	dev, limit := t.dev, memory
	switch {
	case t.of.Small != nil:
		limit = 8 << 20
		t.at("Small(%d)", limit)
		var err error
		dev, err = t.of.Small(limit)
		t.must(err)
		t.keep(dev)
	case memory == 0:
		t.skip("the device does not say how much memory it has (Info.Memory), and there is no Driver.Small")
	case memory > plenty:
		t.skip("filling the device would take all of its memory, and there is no Driver.Small")
	}
	s := t.stream(dev)
	t.works(s, "before memory runs out")
	fill(t, dev, s, limit/9, limit)
	fill(t, dev, s, limit/5, limit) // of another size: what is cached must make room
	t.works(s, "after running out of memory twice")
}

// fill takes all memory of a device in pieces and gives it back.
func fill(t *trial, dev hal.Device, s hal.Stream, piece, limit int) {
	var all []hal.Buffer
	var data [][]byte
	for {
		t.at("Alloc of %d bytes beside %d others, with %d bytes of memory", piece, len(all), limit)
		b, err := dev.Alloc(piece)
		if err != nil {
			if !errors.Is(err, hal.ErrOutOfMemory) {
				t.errorf("the error is %q, not hal.ErrOutOfMemory", err)
			}
			break
		}
		all, data = append(all, b), append(data, noise(t.r, piece))
		if len(all)*piece > limit {
			t.fatalf("no error")
		}
		t.upload(s, b, 0, data[len(data)-1])
	}
	if len(all) == 0 {
		t.fatalf("not even one was given")
	}
	t.at("Sync when memory has run out")
	if err := s.Sync(); err != nil {
		t.fatalf("%v", err)
	}
	for i, b := range all {
		t.holds(s, "a buffer that was there when memory ran out", b, data[i])
	}
	all[0].Free()
	all[0] = t.alloc(dev, piece)
	for _, b := range all {
		b.Free()
	}
}
