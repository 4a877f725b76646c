package conform

import (
	"errors"
	"fmt"
	"math"

	"github.com/crease-ml/crease/hal"
)

// sizes of transfers: tiny, odd, a page, more than small ones are staged through.
var sizes = []int{1, 13, 4096, 70_001, 3<<20 + 3}

// checkUpload is the part upload.
func checkUpload(t *trial) {
	s := t.stream(t.dev)
	for _, n := range sizes {
		b := t.alloc(t.dev, n+20)
		want := noise(t.r, n+20)
		t.upload(s, b, 0, want)
		src := noise(t.r, n+2)
		t.upload(s, b, 7, src[1:n+1]) // from an odd address
		copy(want[7:], src[1:n+1])
		clear(src)
		t.upload(s, b, 3, nil)
		t.sync(s)
		t.holds(s, "a buffer whose source was cleared after Upload", b, want)
		b.Free()
	}
	// Many small ones from one slice, none of which is waited for.
	const n, rounds = 1000, 300
	b := t.alloc(t.dev, n*rounds)
	defer b.Free()
	src, all := make([]byte, n), noise(t.r, n*rounds)
	for i := range rounds {
		copy(src, all[i*n:])
		t.upload(s, b, i*n, src)
	}
	clear(src)
	t.holds(s, "a buffer that was filled in parts from one slice", b, all)
}

// checkDownload is the part download.
func checkDownload(t *trial) {
	s := t.stream(t.dev)
	for _, byEvent := range []bool{false, true} {
		var got, want [][]byte
		for _, n := range sizes {
			b, data := t.filled(s, n)
			for range 3 { // the queue is not empty, and the same bytes go several ways
				dst := noise(t.r, n+30)
				expect := append([]byte{}, dst...)
				off := t.r.IntN(n)
				t.download(s, dst[15:15+n-off], b, off)
				copy(expect[15:], data[off:])
				got, want = append(got, dst), append(want, expect)
			}
			data = noise(t.r, n)
			t.upload(s, b, 0, data) // after the downloads
			dst := make([]byte, n)
			t.download(s, dst, b, 0)
			got, want = append(got, dst), append(want, data)
			b.Free()
		}
		if byEvent {
			t.reached(t.record(s))
			t.at("Download, then an event's Wait")
		} else {
			t.sync(s)
			t.at("Download, then Sync")
		}
		for i := range got {
			t.equal("the slice downloaded to and what is around it", got[i], want[i])
		}
	}
	b := t.alloc(t.dev, 10)
	t.download(s, nil, b, 10)
	b.Free()
	t.sync(s)
}

// checkCopy is the part copy.
func checkCopy(t *trial) {
	s := t.stream(t.dev)
	for _, size := range []int{1000, 300_000} {
		a, da := t.filled(s, size)
		b, db := t.filled(s, size)
		part := func(num, den int) int { return size * num / den }
		for _, c := range []struct{ dst, src, n int }{
			{0, 0, size}, {0, part(1, 2), part(1, 2)}, {part(1, 2), 0, part(1, 2)},
			{1, 0, size - 1}, {0, 1, size - 1}, {7, 0, part(1, 3)}, {0, 7, part(1, 3)},
			{part(1, 4), part(1, 3), part(1, 2)}, {part(1, 3), part(1, 4), part(1, 2)},
			{5, 5, 20}, {size, size, 0}, {size - 1, 0, 1},
		} {
			t.copy(s, b, c.dst, a, c.src, c.n)
			copy(db[c.dst:c.dst+c.n], da[c.src:])
			t.copy(s, a, c.dst, a, c.src, c.n)
			copy(da[c.dst:c.dst+c.n], da[c.src:c.src+c.n])
			if c.n > 0 && t.r.IntN(2) == 0 {
				t.holds(s, "the buffer that was copied within", a, da)
			}
		}
		t.holds(s, "the buffer that was copied to", b, db)
		t.holds(s, "the buffer that was copied within", a, da)
		a.Free()
		b.Free()
	}
}

// stranger is a buffer of no driver.
type stranger struct{ hal.Buffer }

func (stranger) Device() hal.Device { return nowhere{} }
func (stranger) Size() int          { return 100 }

type nowhere struct{ hal.Device }

func (nowhere) Info() hal.Info { return hal.Info{Name: "nowhere"} }

// checkRanges is the part ranges.
func checkRanges(t *trial) {
	s := t.stream(t.dev)
	b, want := t.filled(s, 100)
	defer b.Free()
	whole, _ := t.filled(s, 100)
	defer whole.Free()
	freed := t.alloc(t.dev, 100)
	freed.Free()
	other := t.open()
	foreign := t.alloc(other, 100)
	defer foreign.Free()
	bad := map[string]hal.Buffer{"a nil buffer": nil, "a freed buffer": freed, "a buffer of no known device": stranger{}}
	if other != t.dev {
		bad["a buffer of another device"] = foreign
	}
	refuse := func(what string, f func() error) {
		if err := t.refused(what, f); errors.Is(err, hal.ErrClosed) || errors.Is(err, hal.ErrDeviceLost) {
			t.errorf("the error is %q, and the device is well", err)
		}
	}
	mem := make([]byte, 60)
	for _, off := range []int{41, 100, 101, -1, math.MaxInt, math.MaxInt - 30, math.MinInt} {
		at := fmt.Sprintf("60 bytes at byte %d of a buffer of 100", off)
		refuse("Upload to "+at, func() error { return s.Upload(b, off, mem) })
		refuse("Download from "+at, func() error { return s.Download(mem, b, off) })
		refuse("Copy to "+at, func() error { return s.Copy(b, off, whole, 0, 60) })
		refuse("Copy from "+at, func() error { return s.Copy(b, 0, whole, off, 60) })
		refuse("Copy within a buffer, from "+at, func() error { return s.Copy(b, 0, b, off, 60) })
	}
	for _, n := range []int{-1, 101, math.MaxInt, math.MinInt} {
		refuse(fmt.Sprintf("Copy of %d bytes between buffers of 100", n), func() error { return s.Copy(b, 0, whole, 0, n) })
		refuse(fmt.Sprintf("Copy of %d bytes from the end of a buffer", n), func() error { return s.Copy(b, 0, whole, 100, n) })
	}
	for what, x := range bad {
		refuse("Upload to "+what, func() error { return s.Upload(x, 0, mem) })
		refuse("Download from "+what, func() error { return s.Download(mem, x, 0) })
		refuse("Copy to "+what, func() error { return s.Copy(x, 0, b, 0, 10) })
		refuse("Copy from "+what, func() error { return s.Copy(b, 0, x, 0, 10) })
	}
	t.at("no bytes at the end of a buffer")
	t.must(errors.Join(s.Upload(b, 100, nil), s.Copy(b, 100, b, 100, 0)))
	t.at("Sync after calls that were refused")
	if err := s.Sync(); err != nil {
		t.fatalf("%v", err)
	}
	t.holds(s, "a buffer after calls that were refused", b, want)
	t.works(s, "after calls that were refused")
}
