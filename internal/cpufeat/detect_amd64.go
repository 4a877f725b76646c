//go:build !noasm

package cpufeat

import "golang.org/x/sys/cpu"

// detected lists the levels above Generic, lowest first. x/sys/cpu also checks
// that the operating system saves the wide registers.
var detected = func() []Level {
	var ls []Level
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		ls = append(ls, AVX2)
	} else {
		return nil
	}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
		ls = append(ls, AVX512)
	}
	return ls
}()
