package graph

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Executable is a compiled graph: a flat list of kernel launches whose operands have
// fixed places, most of them in one arena whose size is known before the graph runs. It
// is safe for concurrent use; runs take turns.
type Executable struct {
	g       *Graph
	engine  *exec.Engine
	inputs  []*exec.Layout
	outputs []output
	made    []*exec.Layout // memory of results, allocated for every run
	copied  []copied       // results that are constants
	consts  []*exec.Array  // released by Close
	touches []int          // the inputs whose memory the program assigns to

	program   []instruction
	work      int // bytes of scratch, for one launch after another
	arena     int // bytes
	unplanned int // the bytes that the arena's values would take if no two shared memory
	slots     []*slot
	operands  []hal.Operand // the rest of the list that instructions take parts of, see room
	refs      []*Value      // the same for the values of operands, until bind

	mu      sync.Mutex // is held during a run and guards what follows
	in, out []hal.Operand
	patches []patch        // the operands that differ from run to run
	placed  []*hal.Operand // the operands in the arena, whose buffer differs from run to run
	closed  bool
}

// instruction holds one op of the program with the places of its operands.
type instruction struct {
	plan  *exec.Plan
	op    *ops.Op
	attrs any
	node  *Node
	at    []hal.Operand // inputs, then results
	refs  []*Value
	ins   int
}

// output says where a result lies.
type output struct {
	kind   placeKind
	index  int
	layout *exec.Layout
	shift  int
}

// copied says that a constant is copied to a result.
type copied struct {
	value *Value
	from  int // which constant
	made  int // which result's memory
}

// patch says where the buffer and offset of an operand come from, which are filled in
// before every run.
type patch struct {
	at    *hal.Operand
	kind  placeKind
	index int
	shift int // in elements
}

// add appends an instruction from values to values.
func (x *Executable) add(in instruction, from, to []*Value) {
	n := len(from) + len(to)
	in.refs, in.ins = append(append(x.refs[:0:n], from...), to...), len(from)
	in.at = x.operands[:n:n]
	x.refs, x.operands = x.refs[n:], x.operands[n:]
	x.program = append(x.program, in)
	if l := in.plan.Launch(); l != nil && in.plan.Step() == exec.Kernel {
		x.work = max(x.work, l.Work)
	}
}

// bind fills in the operands whose place is fixed, and notes for the others what has to be
// filled in before a run.
func (x *Executable) bind(l *layouter) {
	for i := range x.program {
		in := &x.program[i]
		for k, v := range in.refs {
			at, shift, root := &in.at[k], v.shift, v.root
			p := l.places[root.id]
			for p.kind == inValue {
				// The value is whole, so it begins where the other one does.
				shift, root = shift+p.over.shift, p.over.root
				p = l.places[root.id]
			}
			switch p.kind {
			case inConst:
				*at = x.consts[p.index].Operand()
				at.Offset += shift
			case inArena:
				at.Offset = p.slot.offset/v.layout.Spec().DType.Size() + shift
				x.placed = append(x.placed, at)
			default:
				x.patches = append(x.patches, patch{at, p.kind, p.index, shift})
			}
		}
		in.refs = nil
	}
	x.refs = nil
	slices.Sort(x.touches)
	x.touches = slices.Compact(x.touches)
	for i := range x.copied {
		x.copied[i].from = l.places[x.copied[i].value.id].index
	}
	x.in, x.out = make([]hal.Operand, len(x.inputs)), make([]hal.Operand, len(x.made))
}

// Len returns the number of instructions.
func (x *Executable) Len() int { return len(x.program) }

// Bytes returns how much memory a run takes besides inputs, results and constants: that of
// the arena and of scratch.
func (x *Executable) Bytes() int { return x.arena + x.work }

// Unplanned returns the bytes that the values in the arena would take if each had memory of
// its own.
func (x *Executable) Unplanned() int { return x.unplanned }

// Inputs returns the layouts that inputs must have.
func (x *Executable) Inputs() []*exec.Layout { return x.inputs }

// Graph returns the graph that the executable was compiled from, as the passes left it.
func (x *Executable) Graph() *Graph { return x.g }

// Run runs the program. Inputs are as recorded and stay the caller's; effects on them
// happen, at once for other executables with effects on the same memory. The results are
// the caller's: views of inputs where the graph says so, memory of their own otherwise.
// After an error no result is kept; effects up to the failure have happened.
func (x *Executable) Run(inputs ...*exec.Array) ([]*exec.Array, error) { return x.RunInto(inputs, nil) }

// RunInto is Run that writes results into arrays of the caller's: dense ones, of the
// results' specs, which are no inputs and do not overlap; nil ones, and all when into is
// nil, are allocated. A result that is a view of an input is copied into the array given
// for it.
func (x *Executable) RunInto(inputs, into []*exec.Array) ([]*exec.Array, error) {
	return x.run(inputs, into, nil)
}

func (x *Executable) run(inputs, into []*exec.Array, took func(step int, d time.Duration)) ([]*exec.Array, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.check(inputs, into); err != nil {
		return nil, err
	}
	defer x.hold(inputs)()
	memory := make([]*exec.Array, 0, len(x.made))
	defer func() { release(memory) }() // results are handles of their own
	for i, l := range x.made {
		a, err := x.memory(i, l, into)
		if err != nil {
			return nil, err
		}
		memory = append(memory, a)
		x.out[i] = a.Operand()
	}
	for i, a := range inputs {
		x.in[i] = a.Operand()
	}
	arena, err := x.engine.Scratch(x.arena)
	if err != nil {
		return nil, err
	}
	defer arena.Free()
	work, err := x.engine.Scratch(x.work)
	if err != nil {
		return nil, err
	}
	defer work.Free()
	for _, at := range x.placed {
		at.Buf = arena
	}
	for i := range x.patches {
		p := &x.patches[i]
		from := x.in
		if p.kind == inResult {
			from = x.out
		}
		p.at.Buf, p.at.Offset = from[p.index].Buf, from[p.index].Offset+p.shift
	}
	if err := x.execute(work, took); err != nil {
		return nil, err
	}
	for _, c := range x.copied {
		if err := x.engine.EvalInto(ops.Copy, nil, x.consts[c.from:c.from+1], memory[c.made:c.made+1]); err != nil {
			return nil, err
		}
	}
	for _, i := range x.touches {
		inputs[i].Block().Touch()
	}
	return x.results(inputs, memory, into)
}

// execute launches the instructions one after another. All operands have been filled in.
func (x *Executable) execute(work hal.Buffer, took func(step int, d time.Duration)) error {
	for i := range x.program {
		in := &x.program[i]
		var began time.Time
		if took != nil {
			began = time.Now()
		}
		err := hal.ErrUnsupported
		if in.plan.Step() == exec.Kernel {
			err = x.engine.Launch(in.plan, in.at, work)
		}
		if errors.Is(err, hal.ErrUnsupported) {
			err = x.slowly(in)
		}
		if err == nil && took != nil {
			err = x.engine.Sync()
			took(i, time.Since(began))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hold keeps other executables from the memory that this one changes. Blocks are held in
// the order of their addresses, so that two executables never wait for each other.
func (x *Executable) hold(inputs []*exec.Array) (release func()) {
	if len(x.touches) == 0 {
		return func() {}
	}
	blocks := make([]*exec.Block, 0, len(x.touches))
	for _, i := range x.touches {
		blocks = append(blocks, inputs[i].Block())
	}
	slices.SortFunc(blocks, func(a, b *exec.Block) int {
		return cmp.Compare(uintptr(unsafe.Pointer(a)), uintptr(unsafe.Pointer(b)))
	})
	blocks = slices.Compact(blocks)
	for _, b := range blocks {
		b.Hold()
	}
	return func() {
		for _, b := range blocks {
			b.LetGo()
		}
	}
}

// memory returns the array that result i is written to: the caller's, if he gave one that fits,
// or a new one.
func (x *Executable) memory(i int, l *exec.Layout, into []*exec.Array) (*exec.Array, error) {
	for k, o := range x.outputs {
		if k < len(into) && into[k] != nil && o.kind == inResult && o.index == i && o.shift == 0 && o.layout.Equal(l) && into[k].Layout().Equal(l) {
			return into[k].Share().(*exec.Array), nil
		}
	}
	return x.engine.Empty(l.Spec())
}

// results makes the handles of the results.
func (x *Executable) results(inputs, memory, into []*exec.Array) ([]*exec.Array, error) {
	out := make([]*exec.Array, 0, len(x.outputs))
	for k, o := range x.outputs {
		from := memory
		if o.kind == inInput {
			from = inputs
		}
		a := from[o.index]
		a = a.Block().On(o.layout, a.Offset()+o.shift)
		if k < len(into) && into[k] != nil {
			if a.Block() != into[k].Block() || o.kind == inInput {
				if err := x.engine.Set(into[k], a); err != nil {
					a.Release()
					release(out)
					return nil, err
				}
			}
			a.Release()
			a = into[k].Share().(*exec.Array)
		}
		out = append(out, a)
	}
	return out, nil
}

// slowly runs an instruction as eager would, on handles of its operands: on the host, or
// by another way where a kernel refused.
func (x *Executable) slowly(in *instruction) error {
	list := make([]*exec.Array, len(in.at))
	for i, at := range in.at {
		list[i] = exec.Borrow(at.Buf, 0).On(in.layout(i), at.Offset)
	}
	defer release(list)
	return x.engine.EvalInto(in.op, in.attrs, list[:in.ins], list[in.ins:])
}

// layout is that of an operand.
func (in *instruction) layout(i int) *exec.Layout {
	if i < in.ins {
		return in.plan.Operands()[i]
	}
	return in.plan.Results()[i-in.ins]
}

// check refuses inputs that are not what was recorded.
func (x *Executable) check(inputs, into []*exec.Array) error {
	if x.closed {
		return errors.New("graph: the executable has been closed")
	}
	if len(inputs) != len(x.inputs) {
		return fmt.Errorf("graph: %d inputs given, %d recorded", len(inputs), len(x.inputs))
	}
	if into != nil && len(into) != len(x.outputs) {
		return fmt.Errorf("graph: %d arrays given for %d results", len(into), len(x.outputs))
	}
	for i, a := range inputs {
		switch {
		case a == nil:
			return &ops.UsageError{Op: "graph", Reason: fmt.Sprintf("input %d is nil", i)}
		case a.Released():
			return &ops.UsageError{Op: "graph", Reason: fmt.Sprintf("input %d has been freed", i)}
		case a.Device() != x.engine.Device():
			return &ops.UsageError{Op: "graph", Reason: fmt.Sprintf("input %d is on device %s and the graph on %s", i, a.Device().Info().Name, x.engine.Device().Info().Name)}
		case !a.Layout().Equal(x.inputs[i]):
			return fmt.Errorf("graph: input %d is %s with strides %v, recorded as %s with strides %v", i, a.Spec(), a.Strides(), x.inputs[i].Spec(), x.inputs[i].Strides())
		}
	}
	for k, a := range into {
		if a != nil && !a.Spec().Equal(x.outputs[k].layout.Spec()) {
			return fmt.Errorf("graph: the array for result %d is %s, the result %s", k, a.Spec(), x.outputs[k].layout.Spec())
		}
	}
	return x.engine.Ready(inputs, into)
}

// Close releases the constants.
func (x *Executable) Close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	release(x.consts)
	x.consts, x.closed = nil, true
}
