package kernels

import "github.com/crease-ml/crease/hal"

// Register adds every portable kernel that a device with these capabilities can
// run to its registry. It fails if the user's tuning table cannot be read.
func Register(r *hal.Registry, caps Caps) (*Library, error) {
	l := &Library{caps: caps, texts: map[string]*text{}, programs: map[any]*Program{}}
	if err := l.tuned.load(caps); err != nil {
		return nil, err
	}
	l.addMaps(r)
	l.addCopies(r)
	l.addTexts(r)
	return l, nil
}
