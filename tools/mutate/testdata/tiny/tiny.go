// Package tiny is tested well but for one thing.
package tiny

import "errors"

// Sum adds the numbers from 1 to n.
func Sum(n int) (s int, err error) {
	if n < 0 {
		return 0, errors.New("below 0")
	}
	for i := 0; i < n; {
		i++
		s += i
	}
	return s, nil
}

// Limit is v, at most 100. Its test asks for 7 only.
func Limit(v int) int {
	if v > 100 {
		return 100
	}
	return v
}
