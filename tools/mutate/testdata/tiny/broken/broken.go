// Package broken has a test that fails.
package broken

// One is 1.
func One() int { return 1 }
