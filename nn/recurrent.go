package nn

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// RecurrentConfig says what a recurrent network is made of.
type RecurrentConfig struct {
	Layers        int  // one above the other; 0 stands for 1
	Bidirectional bool // a second network reads backwards; results are side by side
	Dropout       float64
	Draws         *crease.Generator // of dropout; nil for the device's default
}

// Recurrent is a network that reads sequences step by step: see [NewLSTM],
// [NewGRU] and [NewRNN], which differ in what a step does. Weights have the names
// and the order of gates of PyTorch, and sequences lie batch first.
type Recurrent struct {
	Hidden   int
	kind     recurrence
	c        RecurrentConfig
	cells    [][]*cell // by layer and direction
	drop     *Dropout  `nn:"-"` // switched by SetTraining
	training bool
}

// recurrence is a kind of step.
type recurrence struct {
	name   string
	gates  int // times Hidden are what a step computes from its input
	states int // what it hands to the next
	// step goes from what the input adds to the gates [N, gates·Hidden] and the
	// states before to those after; the first is the result.
	step func(c *cell, in *crease.Tensor, before []*crease.Tensor) []*crease.Tensor
}

// cell is the weights of one layer and direction.
type cell struct {
	wih, whh, bih, bhh *crease.Tensor // [gates·Hidden, in], [gates·Hidden, Hidden], [gates·Hidden]
	hidden             int
}

// NewRNN is the plain recurrence h = act(W·x + U·h) with "tanh" or "relu" (Elman
// 1990).
func NewRNN(in, hidden int, act string, c RecurrentConfig, opts ...crease.Option) *Recurrent {
	f := map[string]func(*crease.Tensor) *crease.Tensor{"tanh": (*crease.Tensor).Tanh, "relu": (*crease.Tensor).Relu}[act]
	if f == nil {
		panic(&ops.AttrError{Op: "rnn", Reason: fmt.Sprintf("there is no activation %q: want tanh or relu", act)})
	}
	return newRecurrent(in, hidden, recurrence{"rnn", 1, 1, func(c *cell, in *crease.Tensor, before []*crease.Tensor) []*crease.Tensor {
		return []*crease.Tensor{f(in.Add(c.back(before[0])))}
	}}, c, opts)
}

func newRecurrent(in, hidden int, kind recurrence, c RecurrentConfig, opts []crease.Option) *Recurrent {
	c.Layers = max(c.Layers, 1)
	if in < 1 || hidden < 1 {
		panic(&ops.AttrError{Op: kind.name, Reason: fmt.Sprintf("sizes %d and %d must be positive", in, hidden)})
	}
	r := &Recurrent{Hidden: hidden, kind: kind, c: c, drop: NewDropout(c.Dropout, c.Draws), training: true}
	rows := kind.gates * hidden
	for range c.Layers {
		var pair []*cell
		for range r.directions() {
			draw := func(dims ...int) *crease.Tensor { return fanInUniform(dims, hidden, opts) }
			pair = append(pair, &cell{draw(rows, in), draw(rows, hidden), draw(rows), draw(rows), hidden})
		}
		r.cells = append(r.cells, pair)
		in = hidden * len(pair)
	}
	return r
}

func (r *Recurrent) directions() int {
	if r.c.Bidirectional {
		return 2
	}
	return 1
}

// back is what a state adds to the gates.
func (c *cell) back(h *crease.Tensor) *crease.Tensor { return h.Linear(c.whh, c.bhh) }

// gate is the i-th of the gates in a row of them.
func (c *cell) gate(t *crease.Tensor, i int) *crease.Tensor {
	return t.Narrow(-1, i*c.hidden, c.hidden)
}

// Forward maps [N, L, in] to the results of the last layer [N, L, directions·Hidden],
// beginning with states of zeros.
func (r *Recurrent) Forward(x *crease.Tensor) *crease.Tensor {
	y, _ := r.Run(x, nil, nil)
	return y
}

// Run is Forward from given states, to which it returns the last: for RNN and GRU
// {h}, for LSTM {h, c}, each [layers·directions, N, Hidden]; nil stands for zeros.
// Where sequences have different lengths [N], of type i64, results after the end
// of one are 0, its states are those of its last element, and a backward network
// begins there: what PyTorch's packed sequences give. A nil lengths means that all
// are whole.
func (r *Recurrent) Run(x *crease.Tensor, state []*crease.Tensor, lengths *crease.Tensor) (y *crease.Tensor, last []*crease.Tensor) {
	r.check(x, state, lengths)
	out := crease.Tidy(func() []*crease.Tensor {
		in := x.Transpose(0, 1) // steps first
		var alive []*crease.Tensor
		if lengths != nil {
			alive = r.alive(x, lengths)
		}
		ends := make([][]*crease.Tensor, r.kind.states)
		for layer, pair := range r.cells {
			if layer > 0 && r.training {
				in = r.drop.Forward(in)
			}
			var sides []*crease.Tensor
			for d, c := range pair {
				k := layer*len(pair) + d
				steps, end := r.read(c, in, r.begin(x, state, k), alive, d == 1)
				sides = append(sides, crease.Stack(0, steps...))
				for s := range ends {
					ends[s] = append(ends[s], end[s])
				}
			}
			in = sides[0]
			if len(sides) > 1 {
				in = crease.Concat(-1, sides...)
			}
		}
		out := []*crease.Tensor{in.Transpose(0, 1)}
		for _, e := range ends {
			out = append(out, crease.Stack(0, e...))
		}
		return out
	})
	return out[0], out[1:]
}

func (r *Recurrent) check(x *crease.Tensor, state []*crease.Tensor, lengths *crease.Tensor) {
	bad := func(format string, args ...any) {
		panic(&ops.ShapeError{Op: r.kind.name, In: []ops.Spec{x.Spec()}, Rule: fmt.Sprintf(format, args...)})
	}
	if in := r.cells[0][0].wih.Dim(1); x.Rank() != 3 || x.Dim(2) != in || x.Dim(1) == 0 {
		bad("takes sequences [N, L, %d] of at least one element", in)
	}
	if state != nil && len(state) != r.kind.states {
		bad("%d states were given, it has %d", len(state), r.kind.states)
	}
	want := []int{len(r.cells) * r.directions(), x.Dim(0), r.Hidden}
	for _, s := range state {
		if !shape.Equal(s.Shape(), want) {
			bad("a state has shape %v, want %v", s.Shape(), want)
		}
	}
	if lengths != nil && (lengths.Rank() != 1 || lengths.Dim(0) != x.Dim(0) || lengths.DType() != dtype.I64) {
		bad("the lengths are %s, want i64[%d]", lengths.Spec(), x.Dim(0))
	}
}

// begin is the states [N, Hidden] of a layer and direction before the first step.
func (r *Recurrent) begin(x *crease.Tensor, state []*crease.Tensor, k int) []*crease.Tensor {
	out := make([]*crease.Tensor, r.kind.states)
	for i := range out {
		if state != nil {
			out[i] = state[i].Index(k)
		} else {
			out[i] = crease.Zeros([]int{x.Dim(0), r.Hidden}, crease.As(x.DType()), crease.On(x.Device()))
		}
	}
	return out
}

// alive says for every step which sequences have it: truth values [N, 1].
func (r *Recurrent) alive(x, lengths *crease.Tensor) []*crease.Tensor {
	out := make([]*crease.Tensor, x.Dim(1))
	column := lengths.Reshape(-1, 1)
	for t := range out {
		out[t] = column.Gt(constant(lengths, float64(t)))
	}
	return out
}

// read runs one layer in one direction over in [L, N, features], and returns its
// result at every step and the states at the end.
func (r *Recurrent) read(c *cell, in *crease.Tensor, state, alive []*crease.Tensor, backward bool) (steps, end []*crease.Tensor) {
	gates := in.Linear(c.wih, c.bih) // of all steps in one product
	steps = make([]*crease.Tensor, in.Dim(0))
	for k := range steps {
		t := k
		if backward {
			t = len(steps) - 1 - k
		}
		next := r.kind.step(c, gates.Index(t), state)
		steps[t] = next[0]
		if alive != nil {
			for i := range next {
				next[i] = crease.Where(alive[t], next[i], state[i])
			}
			steps[t] = crease.Where(alive[t], steps[t], constant(steps[t], 0))
		}
		state = next
	}
	return steps, state
}

// SetTraining switches dropout between layers on or off.
func (r *Recurrent) SetTraining(on bool) {
	r.training = on
	r.drop.SetTraining(on)
}

// Visit names the weights.
func (r *Recurrent) Visit(v *Visitor) {
	for layer, pair := range r.cells {
		for d, c := range pair {
			suffix := fmt.Sprintf("_l%d%s", layer, []string{"", "_reverse"}[d])
			v.Param("weight_ih"+suffix, c.wih)
			v.Param("weight_hh"+suffix, c.whh)
			v.Param("bias_ih"+suffix, c.bih)
			v.Param("bias_hh"+suffix, c.bhh)
		}
	}
}
