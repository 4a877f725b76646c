package trace_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
	"github.com/crease-ml/crease/tpu/trace"
)

// product is a program that loads, multiplies, activates and stores.
const product = `.alloc x 0x0 256
.alloc y 0x100 512
	set row_bytes 64
	load tag=1 buf=x rows=1
	read_weights type=bf16 rows=4 cols=4 mem=0x40
	matmul switch type=bf16 buf=x rows=8
	activate fn=relu float out=f32 buf=y rows=8
	set row_bytes 128
	store buf=y mem=0x80 rows=1
	halt
`

func machine(t testing.TB, opts sim.Options) (*sim.Machine, *isa.Program) {
	t.Helper()
	c, err := arch.Parse("", map[string]string{"rows": "4", "cols": "4", "bandwidth": "4G"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := isa.Assemble(strings.NewReader(product))
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func memory() sim.Memory {
	b := make([]byte, 512)
	for i := range 64 {
		b[i+64*(i%2)] = byte(i)
		b[2*i%128+1] = 0x3f
	}
	return sim.Memory{HBM: b}
}

// What is read from a trace is what the run counted.
func TestChromeReadsBack(t *testing.T) {
	var b bytes.Buffer
	w := trace.NewChrome(&b)
	m, p := machine(t, sim.Options{Trace: w.Event})
	r, err := m.Run(context.Background(), p, memory(), sim.Fast)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"array": b.String(), "object": `{"other": {"a": [1]}, "traceEvents": ` + b.String() + "}"} {
		s, err := trace.Read(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		busy := map[string]int64{}
		count := 0
		for _, u := range s.Units {
			busy[u.Name] += u.Busy
			count += u.Count
		}
		if busy["load"] != r.LoadBusy || busy["store"] != r.StoreBusy || busy["vector"] != r.VectorBusy || busy["weights 0"] != r.WeightsBusy {
			t.Errorf("%s: busy %v, counted %+v", name, busy, r.Counters)
		}
		if count != 5 || s.Cycles > r.Cycles {
			t.Errorf("%s: %d pieces of work up to cycle %d of %d", name, count, s.Cycles, r.Cycles)
		}
	}
	if !strings.Contains(b.String(), `"ph":"f"`) || !strings.Contains(b.String(), "waits for its weight tile") {
		t.Error("no arrow, or no reason to wait")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`[{"name":"thread_name","ph":"M","tid":1,"args":{"name":"load"}},{"ph":"X","cat":"work","ts":1,"dur":2,"tid":1}]`))
	f.Add([]byte(`{"traceEvents":[{"ph":"X","cat":"wait","ts":1,"dur":-2}]}`))
	f.Add([]byte(`{"a":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := trace.Read(bytes.NewReader(b))
		if (s == nil) == (err == nil) {
			t.Fatal("neither a summary nor an error, or both")
		}
	})
}

// The dump, read by a reader of its own, has the registers that a probe saw.
func TestVCD(t *testing.T) {
	var b bytes.Buffer
	c, err := arch.Parse("", map[string]string{"rows": "4", "cols": "4"})
	if err != nil {
		t.Fatal(err)
	}
	w := trace.NewVCD(&b, c)
	var seen []map[string]uint64 // by cycle
	m, p := machine(t, sim.Options{Probe: func(cycle int64, arrays []*sim.Mesh) {
		w.Probe(cycle, arrays)
		at := map[string]uint64{}
		for r := range 4 {
			for k := range 4 {
				at[fmt.Sprintf("pe_%d_%d.activation", r, k)] = uint64(arrays[0].Activation(r, k))
				at[fmt.Sprintf("pe_%d_%d.sum", r, k)] = uint64(arrays[0].Sum(r, k))
				at[fmt.Sprintf("pe_%d_%d.shadow", r, k)] = uint64(arrays[0].Shadow(r, k))
			}
		}
		seen = append(seen, at)
	}})
	if _, err := m.Run(context.Background(), p, memory(), sim.Exact); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if len(seen) < 20 {
		t.Fatalf("only %d cycles were probed", len(seen))
	}
	names, now, scope := map[string]string{}, map[string]uint64{}, ""
	cycle, nonzero := -1, 0
	compare := func() {
		if cycle < 0 {
			return
		}
		for name, want := range seen[cycle] {
			if want != 0 {
				nonzero++
			}
			if now[name] != want {
				t.Fatalf("cycle %d: %s is %#x, want %#x", cycle, name, now[name], want)
			}
		}
	}
	lines := bufio.NewScanner(&b)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case f[0] == "$scope":
			scope = f[2]
		case f[0] == "$var":
			names[f[3]] = scope + "." + f[4]
		case f[0][0] == '#':
			compare()
			cycle++
		case f[0][0] == 'b':
			v, err := strconv.ParseUint(f[0][1:], 2, 64)
			if err != nil {
				t.Fatal(err)
			}
			now[names[f[1]]] = v
		}
	}
	compare()
	if cycle != len(seen)-1 || nonzero == 0 {
		t.Errorf("%d cycles with %d values, want %d", cycle+1, nonzero, len(seen))
	}
}
