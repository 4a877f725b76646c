//go:build unix

package hostmem

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// hugePage is the size from which asking for huge pages pays.
const hugePage = 2 << 20

func mmap(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of host memory: %w", n, err)
	}
	if n >= hugePage {
		adviseHuge(b)
	}
	return b, nil
}

func munmap(b []byte) { _ = unix.Munmap(b) }
