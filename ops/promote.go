package ops

// Promotion says which inputs of an op are first brought to their common element
// type (dtype.Promote) where callers promote; crease.Apply does. To builders, inputs
// that differ are an error.
type Promotion int8

// NoPromotion leaves every input as it is.
const NoPromotion Promotion = -1

// PromoteFrom is the promotion of input i and all that follow.
func PromoteFrom(i int) Promotion { return Promotion(i + 1) }

// First is the first input that is promoted; false for none.
func (p Promotion) First() (i int, ok bool) { return int(p) - 1, p > 0 }
