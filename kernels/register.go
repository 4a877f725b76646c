package kernels

import "github.com/crease-ml/crease/hal"

// Register adds every portable kernel that a device with these capabilities can
// run to its registry. It fails if the user's tuning table cannot be read.
func Register(r *hal.Registry, caps Caps) error {
	table, err := tunedFor(caps)
	if err != nil {
		return err
	}
	l := &library{caps: caps, tuned: table, programs: map[any]*Program{}}
	l.addMaps(r)
	l.addCopies(r)
	l.addTexts(r)
	return nil
}
