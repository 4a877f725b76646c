package expr

// Float is a function of the table on float64, for executors of programs that
// have no vector primitive for it. Operands beyond the arity are ignored. It is
// nil for an unknown name.
func Float(name string) func(a, b, c float64) float64 {
	if name == OpCopy {
		return func(a, _, _ float64) float64 { return a }
	}
	if f := byName[name]; f != nil {
		return f.float
	}
	return nil
}

// Int is a function of the table on integers of 1 to 64 bits, held as EvalInt
// holds them. It is nil for an unknown name.
func Int(name string, bits int, signed bool) func(a, b, c int64) int64 {
	w := width{64 - bits, signed}
	if name == OpCopy {
		return func(a, _, _ int64) int64 { return w.wrap(a) }
	}
	f := byName[name]
	switch {
	case f == nil:
		return nil
	case f.int == nil:
		return func(a, b, c int64) int64 { return w.truncate(f.float(w.float(a), w.float(b), w.float(c))) }
	}
	return func(a, b, c int64) int64 { return w.wrap(f.int(w, a, b, c)) }
}

// IntOf converts a parameter or constant to an integer type: towards zero,
// saturating, NaN to 0.
func IntOf(v float64, bits int, signed bool) int64 { return width{64 - bits, signed}.truncate(v) }
