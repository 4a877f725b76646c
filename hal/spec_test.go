package hal_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
)

func TestParseSpec(t *testing.T) {
	for in, want := range map[string]hal.Spec{
		"cpu":                     {Kind: "cpu"},
		"cpu/avx2":                {Kind: "cpu", Arch: "avx2"},
		"cuda:1":                  {Kind: "cuda", Index: "1"},
		"opencl:pocl-3.1/x":       {Kind: "opencl", Index: "pocl-3.1", Arch: "x"},
		"cpu@threads=2":           {Kind: "cpu", Options: map[string]string{"threads": "2"}},
		"cuda@emulate":            {Kind: "cuda", Options: map[string]string{"emulate": hal.On}},
		"cuda:0/sm_90@a=1,path=/": {Kind: "cuda", Index: "0", Arch: "sm_90", Options: map[string]string{"a": "1", "path": "/"}},
	} {
		got, err := hal.ParseSpec(in)
		if err != nil || got.Kind != want.Kind || got.Index != want.Index || got.Arch != want.Arch || !maps.Equal(got.Options, want.Options) {
			t.Errorf("%q is %+v (%v), want %+v", in, got, err, want)
		}
		if got.String() != in {
			t.Errorf("%q prints as %q", in, got)
		}
	}
	if s, err := hal.ParseSpec("OpenCL:PoCL/X@Path=/A"); err != nil || s.String() != "opencl:pocl/x@path=/A" {
		t.Errorf("upper case: %q (%v)", s, err)
	}
	if s, err := hal.ParseSpec("cpu@z=1,a=2"); err != nil || s.String() != "cpu@a=2,z=1" {
		t.Errorf("options are not sorted: %q (%v)", s, err)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for _, in := range []string{
		"", ":0", "/avx2", "@a=1", "cpu:", "cpu/", "cpu@", "cpu@,a", "cpu@=1", "cpu@a=", "cpu@a=1,", "cpu@a=1,a=2",
		"c pu", "cpu:0:1", "cpu/a/b", "cpü", strings.Repeat("x", 1<<20),
	} {
		_, err := hal.ParseSpec(in)
		var bad *hal.SpecError
		if !errors.As(err, &bad) {
			t.Errorf("%.20q: %v", in, err)
		} else if len(err.Error()) > 2000 {
			t.Errorf("%.20q: the error has %d bytes", in, len(err.Error()))
		}
	}
}

func TestCheckOptions(t *testing.T) {
	s, err := hal.ParseSpec("cpu@threads=2,speed=9")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckOptions("threads", "speed"); err != nil {
		t.Error(err)
	}
	var bad *hal.SpecError
	if err := s.CheckOptions("threads"); !errors.As(err, &bad) || !strings.Contains(err.Error(), `"speed"`) {
		t.Errorf("an unknown option: %v", err)
	}
}

// A name that is accepted prints as a name that means the same.
func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"cpu", "cuda:1/sm_90@a=1,b=2", "a@b==", "cpu:0@x=,", "@/:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		a, err := hal.ParseSpec(in)
		if err != nil {
			return
		}
		b, err := hal.ParseSpec(a.String())
		if err != nil || a.String() != b.String() || a.Kind != b.Kind || a.Index != b.Index || a.Arch != b.Arch || !maps.Equal(a.Options, b.Options) {
			t.Errorf("%q is %+v, printed and read again %+v (%v)", in, a, b, err)
		}
	})
}
