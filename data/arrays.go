package data

// Arrays are labelled samples in memory.
type Arrays struct {
	X       []float32 // samples one after the other
	Shape   []int     // of one sample
	Y       []int64   // the class of every sample
	Classes []string  // names of the classes
}

// Len is the number of samples.
func (a *Arrays) Len() int { return len(a.Y) }

// Size is the number of values of a sample.
func (a *Arrays) Size() int {
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}
