package kernels

import "github.com/crease-ml/crease/hal"

// Register adds every portable kernel that a device with these capabilities can
// run to its registry. It fails if the user's tuning table cannot be read.
func Register(r *hal.Registry, caps Caps) (*Library, error) {
	table, err := tunedFor(caps)
	if err != nil {
		return nil, err
	}
	l := newLibrary(caps, table)
	l.addMaps(r)
	l.addCopies(r)
	l.addTexts(r)
	return l, nil
}
