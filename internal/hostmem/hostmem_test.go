package hostmem

import (
	"testing"
	"unsafe"
)

func TestAlloc(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 4096, mapped - 1, mapped, 3 << 20} {
		b, err := Alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Bytes) != n || cap(b.Bytes) != n {
			t.Errorf("Alloc(%d): length %d, capacity %d", n, len(b.Bytes), cap(b.Bytes))
		}
		if p := uintptr(unsafe.Pointer(unsafe.SliceData(b.Bytes))); p%Alignment != 0 {
			t.Errorf("Alloc(%d): address %#x is not aligned to %d", n, p, Alignment)
		}
		for i, v := range b.Bytes {
			if v != 0 {
				t.Fatalf("Alloc(%d): byte %d is %d", n, i, v)
			}
			b.Bytes[i] = 0xff
		}
		b.Free()
	}
}

func TestAllocTooMuch(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) < 8 || Total() == 0 {
		t.Skip("needs a 64-bit Linux")
	}
	if b, err := Alloc(1 << 50); err == nil {
		b.Free()
		t.Error("a pebibyte was granted")
	}
}
