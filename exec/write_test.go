package exec_test

import (
	"errors"
	"testing"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// inPlace is neg on float32 that may be written over its operand.
func inPlace() *hal.Kernel {
	k := negate(hal.Free, "neg")
	run := k.Run
	k.Run = nil
	k.Plan = func(planned *hal.Call) (hal.Launch, error) {
		return hal.Launch{InPlace: func(int, int) bool { return true }, Run: func(s hal.Stream, at []hal.Operand, _ hal.Buffer) error {
			c := hal.Call{Op: planned.Op, Attrs: planned.Attrs, In: []hal.View{planned.In[0]}, Out: []hal.View{planned.Out[0]}}
			c.In[0].Buf, c.In[0].Offset = at[0].Buf, at[0].Offset
			c.Out[0].Buf, c.Out[0].Offset = at[1].Buf, at[1].Offset
			return run(s, &c)
		}}, nil
	}
	return k
}

func view(t *testing.T, e *exec.Engine, a *exec.Array, op *ops.Op, attrs any) *exec.Array {
	t.Helper()
	v := apply(e, op, attrs, a)
	if v.Block() != a.Block() {
		t.Fatalf("%s is no view", op.Name)
	}
	return v
}

// A result is written where it is wanted: over dense and strided memory, over its own
// operand where the kernel allows it, and over one that overlaps in another way.
func TestEvalInto(t *testing.T) {
	d, e := engine(t, inPlace(), copier())
	x, y := upload(t, e, []int{2, 2}, 1, 2, 3, 4), upload(t, e, []int{2, 2}, 0, 0, 0, 0)
	into := func(in, out *exec.Array) (asked int) {
		t.Helper()
		before := d.asked.Load()
		if err := e.EvalInto(ops.Neg, nil, []*exec.Array{in}, []*exec.Array{out}); err != nil {
			t.Fatal(err)
		}
		return int(d.asked.Load() - before)
	}
	asked := into(x, y)
	holds(t, "another array", y, -1, -2, -3, -4)
	yt := view(t, e, y, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}})
	asked += into(x, yt)
	holds(t, "the transposed view", yt, -1, -2, -3, -4)
	holds(t, "what it is a view of", y, -1, -3, -2, -4)
	asked += into(x, x)
	holds(t, "the operand itself", x, -1, -2, -3, -4)
	if asked != 0 {
		t.Errorf("memory was asked for %d times", asked)
	}
	xt := view(t, e, x, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}})
	into(xt, x) // element by element this would read what it has written
	holds(t, "the operand's transpose", x, 1, 3, 2, 4)
	if v := x.Version(); v != 2 {
		t.Errorf("after two changes the version is %d", v)
	}
	if d.live() != 2 {
		t.Errorf("%d buffers are live", d.live())
	}
}

func TestEvalIntoRefuses(t *testing.T) {
	_, e := engine(t, inPlace(), copier())
	x := upload(t, e, []int{2, 2}, 1, 2, 3, 4)
	wide := view(t, e, view(t, e, x, ops.Slice, ops.SliceAttrs{Start: []int{0, 0}, Count: []int{1, 2}}), ops.Expand, ops.ExpandAttrs{Shape: []int{2, 2}})
	var shaped *ops.ShapeError
	var attr *ops.AttrError
	if err := e.EvalInto(ops.Neg, nil, []*exec.Array{x}, []*exec.Array{upload(t, e, []int{4}, 1, 2, 3, 4)}); !errors.As(err, &shaped) {
		t.Errorf("another shape: %v", err)
	}
	if err := e.EvalInto(ops.Neg, nil, []*exec.Array{x}, []*exec.Array{wide}); !errors.As(err, &attr) {
		t.Errorf("an expanded view: %v", err)
	}
	if err := e.EvalInto(ops.Neg, nil, []*exec.Array{x}, nil); !errors.As(err, &attr) {
		t.Errorf("nothing to write to: %v", err)
	}
	if err := e.Set(wide, x); !errors.As(err, &attr) {
		t.Errorf("assigning to an expanded view: %v", err)
	}
	holds(t, "x after all refusals", x, 1, 2, 3, 4)
}

// Assignment leaves its source alone, whatever views of it there are.
func TestSetKeepsItsSource(t *testing.T) {
	_, e := engine(t, copier())
	x, y := upload(t, e, []int{4}, 1, 2, 3, 4), upload(t, e, []int{4}, 5, 6, 7, 8)
	if err := e.Set(x, y); err != nil {
		t.Fatal(err)
	}
	holds(t, "the target", x, 5, 6, 7, 8)
	if err := e.Set(y, upload(t, e, []int{4}, 0, 0, 0, 0)); err != nil {
		t.Fatal(err)
	}
	holds(t, "the target after its source has changed", x, 5, 6, 7, 8)
	tail := view(t, e, x, ops.Slice, ops.SliceAttrs{Start: []int{1}, Count: []int{3}})
	head := view(t, e, x, ops.Slice, ops.SliceAttrs{Start: []int{0}, Count: []int{3}})
	if err := e.Set(tail, head); err != nil {
		t.Fatal(err)
	}
	holds(t, "a window shifted over itself", x, 5, 5, 6, 7)
}

// A pinned block keeps its address when what replaces it comes from elsewhere.
func TestPinnedBlocksStay(t *testing.T) {
	_, e := engine(t, negate(hal.Dense, "neg"), copier())
	x := upload(t, e, []int{3}, 1, 2, 3)
	unpin := x.Block().Pin()
	at := x.Operand().Buf
	neg := func() {
		if err := e.EvalInto(ops.Neg, nil, []*exec.Array{x}, []*exec.Array{x}); err != nil {
			t.Fatal(err)
		}
	}
	neg()
	if x.Operand().Buf != at {
		t.Error("a pinned block has moved")
	}
	unpin()
	neg()
	if x.Operand().Buf == at {
		t.Error("the result was copied, not exchanged")
	}
	holds(t, "after two changes", x, 1, 2, 3)
}

// Arrays on part of somebody else's memory are as good as others, and never exchanged.
func TestBorrowedMemory(t *testing.T) {
	d, e := engine(t, negate(hal.Dense, "neg"), copier())
	arena, err := d.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Free()
	l, err := exec.NewLayout(ops.Spec{DType: f32, Shape: []int{2}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := exec.Borrow(arena, 0).On(l, 0), exec.Borrow(arena, 32).On(l, 1)
	x := upload(t, e, []int{2}, 1, 2)
	for _, v := range []*exec.Array{a, b} {
		if err := e.Set(v, x); err != nil {
			t.Fatal(err)
		}
		if err := e.EvalInto(ops.Neg, nil, []*exec.Array{v}, []*exec.Array{v}); err != nil {
			t.Fatal(err)
		}
		holds(t, "a part of an arena", v, -1, -2)
		if v.Sole() {
			t.Error("borrowed memory is nobody's own")
		}
	}
	whole, err := exec.NewLayout(ops.Spec{DType: f32, Shape: []int{11}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := exec.Borrow(arena, 0).On(whole, 0).Host()
	if err != nil {
		t.Fatal(err)
	}
	if h.At(0) != -1 || h.At(1) != -2 || h.At(9) != -1 || h.At(10) != -2 {
		t.Errorf("the arena holds %v", h.Float64s())
	}
}

// logStream writes down what it is asked.
type logStream struct {
	hal.Stream
	order *[]string
	name  string
}

func (s *logStream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	*s.order = append(*s.order, s.name+" "+l.Op)
	return s.Stream.Launch(l, at, work)
}

func (s *logStream) Record() (hal.Event, error) {
	*s.order = append(*s.order, s.name+" record")
	return s.Stream.Record()
}

func (s *logStream) Wait(ev hal.Event) error {
	*s.order = append(*s.order, s.name+" wait")
	return s.Stream.Wait(ev)
}

// logged is a device of such streams, A, B and so on.
type logged struct {
	*bare
	order []string
	made  int
}

func (d *logged) NewStream() (hal.Stream, error) {
	s, err := d.bare.NewStream()
	d.made++
	return &logStream{s, &d.order, string(rune('A' + d.made - 1))}, err
}

// An engine waits for the engine that used an array last, once, and for no other.
func TestEnginesAreOrdered(t *testing.T) {
	d := &logged{bare: newBare(negate(hal.Dense, "neg"), copier())}
	d.Outer = d
	a, err := exec.New(d)
	if err != nil {
		t.Fatal(err)
	}
	b, err := exec.New(d)
	if err != nil {
		t.Fatal(err)
	}
	x := upload(t, a, []int{2}, 1, 2)
	d.order = nil
	y := apply(a, ops.Neg, nil, x)
	z := apply(b, ops.Neg, nil, y)
	apply(b, ops.Neg, nil, z)
	apply(b, ops.Neg, nil, y)
	apply(a, ops.Neg, nil, y)
	want := []string{"A neg", "A record", "B wait", "B neg", "B neg", "B neg", "B record", "A wait", "A neg"}
	if got := d.order; len(got) != len(want) {
		t.Fatalf("the streams did %q, want %q", got, want)
	}
	for i := range want {
		if d.order[i] != want[i] {
			t.Fatalf("the streams did %q, want %q", d.order, want)
		}
	}
	d.order = nil
	if err := b.EvalInto(ops.Neg, nil, []*exec.Array{x}, []*exec.Array{x}); err != nil {
		t.Fatal(err)
	}
	if len(d.order) < 3 || d.order[0] != "A record" || d.order[1] != "B wait" {
		t.Errorf("writing over an array of another engine: %q", d.order)
	}
	h, err := x.Host()
	if err != nil || h.At(0) != -1 {
		t.Errorf("x is %v (%v)", h.Float64s(), err)
	}
}

// gated is a device whose streams keep uploads waiting while the gate is shut.
type gated struct {
	*bare
	gate chan struct{}
}

func (d *gated) NewStream() (hal.Stream, error) {
	s, err := d.bare.NewStream()
	return &gatedStream{s, d}, err
}

type gatedStream struct {
	hal.Stream
	d *gated
}

func (s *gatedStream) Upload(dst hal.Buffer, off int, src []byte) error {
	if len(src) > 1<<20 {
		<-s.d.gate
	}
	return s.Stream.Upload(dst, off, src)
}

// While a large array is uploaded, others may queue work.
func TestUploadsHoldUpNobody(t *testing.T) {
	d := &gated{newBare(negate(hal.Strided, "neg"), copier()), make(chan struct{})}
	d.Outer = d
	e, err := exec.New(d)
	if err != nil {
		t.Fatal(err)
	}
	x := upload(t, e, []int{2}, 1, 2)
	big := ops.NewHost(ops.Spec{DType: f32, Shape: []int{1 << 20}})
	big.Set(7, 5)
	loaded := make(chan *exec.Array)
	go func() {
		a, err := e.Upload(big)
		if err != nil {
			t.Error(err)
		}
		loaded <- a
	}()
	for range 100 { // would hang behind the upload
		holds(t, "meanwhile", apply(e, ops.Neg, nil, x), -1, -2)
	}
	close(d.gate)
	a := <-loaded
	h, err := apply(e, ops.Neg, nil, a).Host()
	if err != nil || h.At(7) != -5 || h.At(8) != 0 {
		t.Errorf("of the uploaded array: %v %v (%v)", h.At(7), h.At(8), err)
	}
}
