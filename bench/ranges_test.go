package bench

import (
	"slices"
	"testing"
)

func TestParseSizes(t *testing.T) {
	for s, want := range map[string][]int{
		"64":            {64},
		"64,100":        {64, 100},
		"64-512*2":      {64, 128, 256, 512},
		"64-500*2":      {64, 128, 256},
		"64-256":        {64, 128, 256},
		"10-40+10,2000": {10, 20, 30, 40, 2000},
		"7-7":           {7},
	} {
		if got, err := ParseSizes(s); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %v (%v), want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "0", "-1", "5-", "5-1", "1-5*1", "1-5+0", "1-16777216+1", "99999999999", "1,,2"} {
		if got, err := ParseSizes(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func FuzzParseSizes(f *testing.F) {
	f.Add("64-1024*2,3")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ParseSizes(s)
		if err == nil && (len(list) == 0 || len(list) > 2000) {
			t.Errorf("%q gave %d sizes", s, len(list))
		}
	})
}
