package kernels

import "github.com/crease-ml/crease/hal"

// Register adds every portable kernel that a device with these capabilities can
// run to its registry.
func Register(r *hal.Registry, caps Caps) {
	l := &library{caps: caps, programs: map[any]*Program{}}
	l.addMaps(r)
	l.addCopies(r)
	l.addTexts(r)
}
