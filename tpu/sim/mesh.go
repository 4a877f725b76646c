package sim

import (
	"encoding/binary"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// Mesh is the registers of an array and what moves through them.
//
// In every cycle a row of activations may enter, skewed by one cycle per array row,
// and moves right; weights of the next tile move down the shadow plane, skewed by
// column; where the wave of a new tile passes, an element takes its shadow weight;
// in a weight-stationary array sums move down and take a product in every element.
//
// Which values stand in which register does not depend on values, and in a
// weight-stationary array nothing flows left or up. So the sums of several cycles are
// computed later, element block by element block with the registers of a block in
// vector registers ([Mesh.evaluate]), while weights, waves and what enters and leaves
// are followed in every cycle.
type Mesh struct {
	core  *core
	index int
	cfg   *arch.Config
	rows  int
	cols  int
	wide  int // columns rounded up to whole vectors
	float bool
	chunk int // cycles that are computed together

	// What enters: an entry per cycle, in a ring, and the values of each, one per
	// array row.
	entries []entry
	values  []uint32
	depth   int // values of an entry
	current *flight
	row     int
	pass    int
	scratch []byte
	newest  int64 // last cycle in which something entered

	// Weights: the tiles that shifted into the shadow plane, the newest last, and the
	// waves of tiles that take effect.
	inputs bool // the array is weight stationary and has values
	shifts []shifting
	now    int64
	waves  []wave
	loaded *plane // of the newest tile
	high   bool   // the newest wave is of its high bytes
	spare  []*plane

	// Sums: the cycle up to which they are computed, their registers, the activation
	// registers (column by column, newest first).
	evaluated int64
	clean     bool
	sums      []uint32
	active    []uint32
	lines     []uint32
	flow      [2][]uint32 // sums between blocks of rows
	kernels   *meshKernels

	outputs *outputMesh // the elements of an output-stationary array
}

// entry is what enters in a cycle.
type entry struct {
	valid   bool
	x       *flight
	acc     int // accumulator row
	cols    int
	shift   uint // of the sums
	replace bool
	last    bool // of its product
	first   bool // output stationary: of a chain
	drain   bool // output stationary: the chain ends
}

// plane is the weights of a tile as lanes hold them; 16-bit integers have two, by
// byte.
type plane struct {
	lo, hi []uint32
}

// wave is a change of weights that travels with the rows that entered from a cycle
// on.
type wave struct {
	from    int64
	weights []uint32
	of      *plane // whose weights these are, nil before the first tile
	plane   *plane // the same where they are taken from the shadow plane on the way, else nil
	sixteen bool   // weights of 16-bit integers
}

// shifting is a tile that moves into the shadow plane.
type shifting struct {
	tile *tile
	from int64
}

func newMesh(c *core, index int, probed bool) *Mesh {
	m := &Mesh{core: c, index: index, cfg: c.cfg, rows: c.cfg.Rows, cols: c.cfg.Cols, float: c.cfg.Operand.Size() == 2, clean: true, newest: -1 << 62}
	m.kernels = meshKernelsOf(c.level)
	m.wide = (m.cols + m.kernels.lanes - 1) / m.kernels.lanes * m.kernels.lanes
	if m.chunk = 64; probed {
		m.chunk = 1
	}
	m.entries = make([]entry, 2*m.rows+m.cols+m.chunk+2)
	if !c.values {
		return m
	}
	m.depth = m.rows
	if c.cfg.Dataflow == arch.OS {
		m.depth += m.cols
		m.outputs = newOutputMesh(m)
	}
	m.values = make([]uint32, len(m.entries)*m.depth)
	if m.outputs != nil {
		return m
	}
	m.inputs = true
	n := m.rows * m.wide
	m.sums, m.active = make([]uint32, n), make([]uint32, n)
	m.lines = make([]uint32, m.rows*(m.wide+m.chunk))
	for i := range m.flow {
		m.flow[i] = make([]uint32, (m.chunk+1)*m.kernels.lanes)
	}
	zero := make([]uint32, n)
	m.waves = []wave{{from: -1 << 62, weights: zero}}
	return m
}

// Activation is the activation register of an element. With a probe it is that of
// the cycle probed.
func (m *Mesh) Activation(row, col int) uint32 {
	if m.outputs != nil {
		return m.outputs.a[row*m.cols+col]
	}
	return m.active[row*m.wide+col]
}

// Sum is the sum register of an element.
func (m *Mesh) Sum(row, col int) uint32 {
	if m.outputs != nil {
		return m.outputs.sum[row*m.cols+col]
	}
	return m.sums[row*m.wide+col]
}

// Shadow is the shadow weight register of an element, 0 where there is none.
func (m *Mesh) Shadow(row, col int) uint16 { return m.shadowAt(row, col, m.now) }

// begin starts a product in cycle t.
func (m *Mesh) begin(x *flight, t int64) {
	m.current, m.row, m.pass = x, 0, 0
	if !m.inputs {
		return
	}
	switch {
	case x.tile != nil:
		m.loaded = m.newPlane()
		m.waves = append(m.waves, wave{from: t, weights: m.loaded.lo, of: m.loaded, plane: m.loaded, sixteen: x.tile.Type == isa.S16})
	case m.high:
		m.waves = append(m.waves, wave{from: t, weights: m.loaded.lo, of: m.loaded})
	}
	m.high = false
}

func (m *Mesh) newPlane() *plane {
	if n := len(m.spare); n > 0 {
		p := m.spare[n-1]
		m.spare = m.spare[:n-1]
		return p
	}
	n := m.rows * m.wide
	return &plane{lo: make([]uint32, n), hi: make([]uint32, n)}
}

// shiftIn begins to shift a tile into the shadow plane.
func (m *Mesh) shiftIn(t *tile, now int64) { m.shifts = append(m.shifts, shifting{t, now}) }

// step is one cycle. It reports whether a tile's shift ends with it.
func (m *Mesh) step(t int64) (shifted bool) {
	if m.inputs {
		m.take(t)
	}
	shifted = m.shiftWeights(t)
	m.now = t + 1
	m.enter(t)
	// What entered R+C-1 cycles ago is now in the accumulators.
	if m.cfg.Dataflow != arch.OS {
		if e := m.entry(t - int64(m.rows+m.cols) + 1); e.valid && e.last {
			e.x.done = t + 1
		}
		if m.core.values && t+1-m.evaluated >= int64(m.chunk) {
			m.evaluate(t + 1)
		}
		return shifted
	}
	m.stepOutputs(t)
	return shifted
}

// entry is what entered in a cycle, which must not be long ago.
func (m *Mesh) entry(t int64) *entry {
	if t < 0 {
		return &entry{}
	}
	return &m.entries[t%int64(len(m.entries))]
}

// enter lets the next row of the current product in, if there is one.
func (m *Mesh) enter(t int64) {
	e := m.entry(t)
	*e = entry{}
	x := m.current
	if x == nil {
		return
	}
	op := &x.op
	passes := op.Format.Passes()
	*e = entry{valid: true, x: x, cols: op.Tile.Cols}
	m.newest = t
	count := op.Rows
	if m.cfg.Dataflow == arch.OS {
		count = op.Tile.Rows
		e.first = op.First && m.row == 0 && m.pass == 0
	} else {
		e.acc = op.Acc + m.row
		e.replace = !op.Accumulate && m.pass == 0
	}
	if op.Format.Precision == num.Int16 || op.Format.Precision == num.Int8x16 {
		e.shift = uint(8 * (m.pass%2 + m.pass/2))
	}
	if m.core.values {
		m.fetch(t, op)
	}
	if m.inputs && m.row == 0 && m.pass == 2 {
		m.waves = append(m.waves, wave{from: t, weights: m.loaded.hi, of: m.loaded})
		m.high = true
	}
	m.advance(e, x, count, passes, t)
}

// advance goes to the next row: in a weight-stationary array all rows pass once per
// pass, in an output-stationary one all passes of a row follow each other.
func (m *Mesh) advance(e *entry, x *flight, count, passes int, t int64) {
	if m.cfg.Dataflow == arch.OS {
		if m.pass++; m.pass < passes {
			return
		}
		m.pass = 0
		if m.row++; m.row < count {
			return
		}
	} else {
		if m.row++; m.row < count {
			return
		}
		m.row = 0
		if m.pass++; m.pass < passes {
			return
		}
	}
	e.last, e.drain = true, x.op.Last
	x.read = t + 1
	m.current = nil
}

// valuesOf are the values of what entered in a cycle.
func (m *Mesh) valuesOf(t int64) []uint32 {
	return m.values[int(t%int64(len(m.entries)))*m.depth:][:m.depth]
}

// fetch reads the activations that enter.
func (m *Mesh) fetch(t int64, op *isa.Op) {
	v := m.valuesOf(t)
	if m.outputs != nil {
		m.outputs.fetch(v, op, m.row, m.pass, m.current.tile)
		return
	}
	size := op.Format.ActivationBytes()
	m.scratch = grow(m.scratch, op.Tile.Rows*size)
	b := m.scratch
	m.core.gather(b, op, m.row)
	switch {
	case size == 1 && op.Format.SignedA:
		for k, x := range b {
			v[k] = uint32(uint16(int16(int8(x))))
		}
	case size == 1:
		for k, x := range b {
			v[k] = uint32(x)
		}
	default:
		for k := range op.Tile.Rows {
			v[k] = register(b, k, size, op.Format.SignedA, m.float, m.pass%2)
		}
	}
	// Rows beyond the tile leave sums as they are, also a negative zero.
	rest := uint32(0)
	if m.float {
		rest = 1 << 31
	}
	for k := op.Tile.Rows; k < len(v); k++ {
		v[k] = rest
	}
}

// register is an operand as the array's registers hold it: a float32, or one byte of an
// integer in 16 bits, the upper byte signed.
func register(b []byte, i, size int, signed, float bool, part int) uint32 {
	switch {
	case float:
		return bitsOf(num.Widen(binary.LittleEndian.Uint16(b[2*i:])))
	case size == 2:
		if part == 0 {
			return uint32(b[2*i])
		}
		return uint32(uint16(int16(int8(b[2*i+1]))))
	case signed:
		return uint32(uint16(int16(int8(b[i]))))
	}
	return uint32(b[i])
}
