package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
)

// Stepping through random programs ends with the counters and the memory of a run, and
// time never goes back.
func TestStepperIsRun(t *testing.T) {
	seed := rand.Uint64()
	for i := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, i))
		c := randomConfig(r)
		p := randomProgram(r, c)
		hbm, host := randomBytes(r, memoryBytes, c), randomBytes(r, memoryBytes, c)
		m, err := sim.New(c, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, b := slices.Clone(hbm), slices.Clone(hbm)
		want, ran := m.Run(context.Background(), p, sim.Memory{HBM: a, Host: slices.Clone(host)}, sim.Fast)
		stuck := new(sim.DeadlockError)
		if ran != nil && !errors.As(ran, &stuck) {
			t.Fatalf("seed %d, program %d: %v", seed, i, ran)
		}
		if m, err = sim.New(c, sim.Options{}); err != nil {
			t.Fatal(err)
		}
		s, err := m.Step(p, sim.Memory{HBM: b, Host: slices.Clone(host)})
		if err != nil {
			t.Fatal(err)
		}
		last := int64(-1)
		for {
			st, now := s.Next()
			if now != nil {
				if ran == nil || now.Error() != ran.Error() {
					t.Fatalf("seed %d, program %d: %v, running %v", seed, i, now, ran)
				}
				break
			}
			if st.Cycle <= last {
				t.Fatalf("seed %d, program %d: cycle %d after %d", seed, i, st.Cycle, last)
			}
			last = st.Cycle
			if st.Over {
				if st.Counters != want.Counters {
					t.Fatalf("seed %d, program %d: stepping counts %+v, running %+v", seed, i, st.Counters, want.Counters)
				}
				break
			}
		}
		s.Close()
		if !bytes.Equal(a, b) {
			t.Fatalf("seed %d, program %d: another memory", seed, i)
		}
	}
}

// A step says what a unit waits for: here the array for its weight tile, and the
// sequencer for the end of everything.
func TestStepperSaysWhy(t *testing.T) {
	c, err := arch.Parse("", map[string]string{"rows": "4", "cols": "4", "bandwidth": "1G"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := isa.Assemble(strings.NewReader(".alloc x 0x0 64\n\tread_weights type=bf16 rows=4 cols=4 mem=0x0\n\tmatmul switch type=bf16 buf=x rows=4\n\tsync\n\thalt\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.New(c, sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Step(p, sim.Memory{HBM: make([]byte, 64)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	weights, drain := false, false
	for {
		st, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range st.Units {
			weights = weights || u.Name == "array 0" && u.Waits == "its weight tile"
		}
		drain = drain || strings.Contains(st.Holds, "are not done")
		if st.Over {
			break
		}
	}
	if !weights || !drain {
		t.Errorf("waiting for weights seen: %v, for the end: %v", weights, drain)
	}
}

// Add adds every counter.
func TestCountersAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, rand.Uint64()))
	var one *sim.Report
	for one == nil { // some get stuck
		c := randomConfig(r)
		p := randomProgram(r, c)
		m, err := sim.New(c, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		one, err = m.Run(context.Background(), p, sim.Memory{HBM: make([]byte, memoryBytes), Host: make([]byte, memoryBytes)}, sim.Fast)
		if stuck := new(sim.DeadlockError); err != nil && !errors.As(err, &stuck) {
			t.Fatal(err)
		}
	}
	sum := one.Counters
	sum.Add(&one.Counters)
	if err := doubled(sum, one.Counters); err != nil {
		t.Error(err)
	}
}

// doubled reports a counter of a that is not twice that of b.
func doubled(a, b sim.Counters) error {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		name := x.Type().Field(i).Name
		if f := x.Field(i); f.Kind() == reflect.Int64 {
			if f.Int() != 2*y.Field(i).Int() {
				return fmt.Errorf("%s is %d, want twice %d", name, f.Int(), y.Field(i).Int())
			}
			continue
		}
		for k := range x.Field(i).Len() {
			if got, one := x.Field(i).Index(k).Int(), y.Field(i).Index(k).Int(); got != 2*one {
				return fmt.Errorf("%s[%d] is %d, want twice %d", name, k, got, one)
			}
		}
	}
	return nil
}
