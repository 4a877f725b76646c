package tiny

import "testing"

func TestSum(t *testing.T) {
	for n, want := range []int{0, 1, 3, 6, 10} {
		if s, err := Sum(n); s != want || err != nil {
			t.Errorf("the sum to %d is %d (%v), want %d", n, s, err, want)
		}
	}
	if _, err := Sum(-1); err == nil {
		t.Error("-1 was taken")
	}
}

func TestLimit(t *testing.T) {
	if v := Limit(7); v != 7 {
		t.Errorf("7 became %d", v)
	}
}
