//go:build (amd64 || arm64) && !noasm

package goid

// ID identifies the calling goroutine.
//
//go:noescape
func ID() uintptr
