package hostmem

import "golang.org/x/sys/unix"

// adviseHuge asks for huge pages; a system that has none ignores it.
func adviseHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }

// Total is the machine's memory in bytes, 0 when unknown.
func Total() int {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return int(uint64(s.Totalram) * uint64(s.Unit))
}
