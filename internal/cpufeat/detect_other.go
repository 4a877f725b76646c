//go:build noasm || !amd64

package cpufeat

// detected is empty: this build has no kernels beyond plain Go.
var detected []Level
