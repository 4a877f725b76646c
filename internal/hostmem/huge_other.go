//go:build !linux

package hostmem

func adviseHuge([]byte) {}

// Total is the machine's memory in bytes, 0 when unknown.
func Total() int { return 0 }
