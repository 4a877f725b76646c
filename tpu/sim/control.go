package sim

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
)

// datapath carries out what control starts. A fast one knows at once when that will
// be done; an exact one finds out.
type datapath interface {
	// begin starts an operation in the given cycle. It may set the operation's times.
	begin(x *flight, t int64)

	// shift starts to move the first tile of an array's FIFO into the array. It returns
	// the cycle in which the tile is in its place, or unknown.
	shift(array int, t int64) int64

	// settle makes the accumulators and the buffer hold what has been computed.
	settle()
}

// unknown is a time that is not known yet.
const unknown = math.MaxInt64

// flight is an operation between dispatch and completion.
type flight struct {
	op    isa.Op
	unit  *unit
	tile  *tile // of a product that switches, or of a weight reader
	start int64
	read  int64 // when it has read its rows
	done  int64 // when it is done
	freed bool  // what it read early is released

	number     int64 // of dispatch
	dispatched int64 // cycle
	why        string

	// What it was last seen to wait for. Flights are used again, so the number says
	// whether it is still the same.
	blocker       *flight
	blockerNumber int64
}

// unit is a queue and what works behind it.
type unit struct {
	name    string
	lane    lane
	array   int
	queue   []*flight
	running *flight
	channel *channel // the memory outside that it needs
	busy    *int64   // its counter
}

// lane is what kind of unit it is.
type lane int

const (
	weightReader lane = iota
	loader
	storer
	hostIn
	hostOut
	matrix
	vectorUnit
)

// channel is a memory outside: one transfer at a time.
type channel struct{ busy bool }

// tile is a weight tile on its way.
type tile struct {
	isa.Tile
	data    []byte // rows side by side, nil without values
	arrived bool
}

// array is the state of a matrix unit's weights.
type array struct {
	fifo     []*tile // arrived, arriving, or shifting in
	shadow   *tile   // in the shadow plane
	shifting bool
	shifted  int64 // when the shift is done
	drained  int64 // when the last row has left (without a shadow plane)
	nextFold int64 // output stationary: when the next chain may begin
}

// control is the sequencer, the queues, and who may start.
type control struct {
	cfg  *arch.Config
	path datapath
	c    Counters

	next     *isa.Resolver
	pending  isa.Op // resolved and not dispatched
	have     bool
	halted   bool
	units    []*unit // in the order in which they may start
	byLane   [vectorUnit + 1][]*unit
	arrays   []array
	inFlight []*flight // in the order of dispatch
	spare    []*flight
	numbers  int64
	haltAt   int64
	trace    func(Event)
}

func newControl(cfg *arch.Config, p *isa.Program, limits isa.Limits, path datapath) *control {
	c := &control{cfg: cfg, path: path, next: isa.NewResolver(p, cfg, limits), arrays: make([]array, cfg.Arrays)}
	c.next.Trust() // the caller has checked the program
	hbm, in, out := &channel{}, &channel{}, &channel{}
	add := func(l lane, name string, array int, ch *channel, busy *int64) {
		u := &unit{name: name, lane: l, array: array, channel: ch, busy: busy}
		c.units = append(c.units, u)
		c.byLane[l] = append(c.byLane[l], u)
	}
	for i := range cfg.Arrays {
		add(weightReader, fmt.Sprintf("weights %d", i), i, hbm, &c.c.WeightsBusy)
	}
	add(loader, "load", 0, hbm, &c.c.LoadBusy)
	add(storer, "store", 0, hbm, &c.c.StoreBusy)
	add(hostIn, "host in", 0, in, &c.c.HostInBusy)
	add(hostOut, "host out", 0, out, &c.c.HostOutBusy)
	for i := range cfg.Arrays {
		add(matrix, fmt.Sprintf("array %d", i), i, nil, nil)
	}
	add(vectorUnit, "vector", 0, nil, &c.c.VectorBusy)
	return c
}

// unitOf is where an operation goes, nil for those of the sequencer.
func (c *control) unitOf(op *isa.Op) *unit {
	switch op.Code {
	case isa.ReadWeights:
		return c.byLane[weightReader][op.Array]
	case isa.LoadHBM:
		return c.byLane[loader][0]
	case isa.StoreHBM:
		return c.byLane[storer][0]
	case isa.ReadHost:
		return c.byLane[hostIn][0]
	case isa.WriteHost:
		return c.byLane[hostOut][0]
	case isa.MatMul, isa.Conv:
		return c.byLane[matrix][op.Array]
	case isa.Activate, isa.Vector:
		return c.byLane[vectorUnit][0]
	}
	return nil
}

// tick does what happens in cycle t: work that is done is taken away, units start,
// one instruction is dispatched. It reports whether one was, and whether the program
// is over.
func (c *control) tick(t int64) (dispatched, over bool, err error) {
	c.retire(t)
	for _, u := range c.units {
		if u.running == nil && len(u.queue) > 0 && c.ready(u, t) {
			c.start(u, t)
		}
	}
	for i := range c.arrays {
		c.startShift(i, t)
	}
	if dispatched, err = c.dispatch(t); err != nil {
		return false, false, err
	}
	return dispatched, c.halted && len(c.inFlight) == 0, nil
}

// retire takes away what is done in cycle t.
func (c *control) retire(t int64) {
	for i := range c.arrays {
		if a := &c.arrays[i]; a.shifting && a.shifted <= t {
			a.shifting = false
			a.shadow = a.fifo[0]
			a.fifo = a.fifo[:copy(a.fifo, a.fifo[1:])]
		}
	}
	due := false
	for _, x := range c.inFlight {
		due = due || x.done <= t || x.read <= t && !x.freed
	}
	if !due {
		return
	}
	kept := c.inFlight[:0]
	for _, x := range c.inFlight {
		if !x.freed && x.read <= t {
			x.freed = true
			if x.unit.lane == matrix && x.unit.running == x {
				x.unit.running = nil
				c.afterStream(x)
			}
		}
		if x.done > t {
			kept = append(kept, x)
			continue
		}
		c.finish(x)
	}
	clear(c.inFlight[len(kept):])
	c.inFlight = kept
}

// afterStream is what the end of a product's rows means for its array.
func (c *control) afterStream(x *flight) {
	a := &c.arrays[x.op.Array]
	if c.cfg.Dataflow == arch.OS {
		a.fifo = a.fifo[:copy(a.fifo, a.fifo[1:])]
		a.nextFold = x.read
		if x.op.Last {
			a.nextFold += int64(c.cfg.Rows - 1)
		}
		return
	}
	a.drained = x.read + int64(c.cfg.Rows+c.cfg.Cols-2)
}

func (c *control) finish(x *flight) {
	u := x.unit
	if u.running == x {
		u.running = nil
		if x.op.Mem.Rows > 0 && u.channel != nil {
			u.channel.busy = false
		}
	}
	if u.lane == weightReader {
		x.tile.arrived = true
	}
	if c.trace != nil {
		c.trace(Event{Unit: u.name, PC: x.op.PC, Iteration: x.op.Iteration, Text: x.op.Word.String(), Dispatched: x.dispatched, Start: x.start, End: x.done, Waited: x.why})
	}
	*x = flight{}
	c.spare = append(c.spare, x)
}

// ready reports whether the first operation of a unit's queue can start.
func (c *control) ready(u *unit, t int64) bool {
	x := u.queue[0]
	why := c.waits(u, x, t)
	if c.trace != nil && why != nil {
		x.why = why.String()
	}
	return why == nil
}

// reason is what an operation waits for.
type reason struct {
	what    string
	blocker *flight
}

func (r *reason) String() string {
	if r.blocker != nil {
		return fmt.Sprintf("instruction %d", r.blocker.op.PC)
	}
	return r.what
}

var (
	waitsForFIFO    = &reason{what: "room in the weight FIFO"}
	waitsForChannel = &reason{what: "the memory outside"}
	waitsForWeights = &reason{what: "its weight tile"}
	waitsForShift   = &reason{what: "the shift of its weight tile"}
	waitsForDrain   = &reason{what: "the sums before to leave"}
)

// waits is why the first operation of a unit's queue cannot start, nil if it can.
func (c *control) waits(u *unit, x *flight, t int64) *reason {
	switch u.lane {
	case weightReader:
		if len(c.arrays[u.array].fifo) >= c.cfg.FIFO {
			return waitsForFIFO
		}
		if !x.op.Weights.FromBuffer && u.channel.busy {
			return waitsForChannel
		}
	case loader, storer, hostIn, hostOut:
		if u.channel.busy {
			return waitsForChannel
		}
	case matrix:
		a := &c.arrays[u.array]
		switch {
		case c.cfg.Dataflow == arch.OS && x.op.First && t < a.nextFold:
			return waitsForDrain
		case c.cfg.Dataflow == arch.OS && (len(a.fifo) == 0 || !a.fifo[0].arrived):
			return waitsForWeights
		case c.cfg.Dataflow != arch.OS && x.op.Switch && a.shifting:
			return waitsForShift
		case c.cfg.Dataflow != arch.OS && x.op.Switch && a.shadow == nil:
			return waitsForWeights
		}
	}
	if b := c.hazard(x); b != nil {
		return &reason{blocker: b}
	}
	return nil
}

// hazard is an earlier operation that x must wait for, nil if there is none.
func (c *control) hazard(x *flight) *flight {
	if b := x.blocker; b != nil && b.number == x.blockerNumber && conflicts(x, b) {
		return b
	}
	x.blocker = nil
	for _, e := range c.inFlight {
		if e == x {
			break
		}
		if conflicts(x, e) {
			x.blocker, x.blockerNumber = e, e.number
			return e
		}
	}
	return nil
}

// conflicts reports whether x must wait for an earlier operation.
func conflicts(x, earlier *flight) bool {
	for _, b := range earlier.op.Uses() {
		if b.Early && earlier.freed {
			continue
		}
		for _, a := range x.op.Uses() {
			if a.Space != b.Space || a.Array != b.Array || !a.Write && !b.Write {
				continue
			}
			if a.Space == isa.Accumulators && x.unit.lane == matrix && earlier.unit.lane == matrix {
				continue // the array keeps their order
			}
			if a.Region.Overlaps(b.Region) {
				return true
			}
		}
	}
	return false
}

func (c *control) start(u *unit, t int64) {
	x := u.queue[0]
	u.queue = u.queue[:copy(u.queue, u.queue[1:])]
	u.running, x.start = x, t
	if x.op.Mem.Rows > 0 {
		u.channel.busy = true
	}
	a := &c.arrays[u.array]
	switch u.lane {
	case weightReader:
		x.tile = &tile{Tile: x.op.Weights.Tile}
		a.fifo = append(a.fifo, x.tile)
	case matrix:
		if c.cfg.Dataflow == arch.OS {
			x.tile = a.fifo[0]
		} else if x.op.Switch {
			x.tile, a.shadow = a.shadow, nil
		}
	}
	c.count(&x.op)
	c.path.begin(x, t)
}

// startShift begins to move an array's next tile into its place.
func (c *control) startShift(i int, t int64) {
	a := &c.arrays[i]
	if c.cfg.Dataflow == arch.OS || a.shifting || a.shadow != nil || len(a.fifo) == 0 || !a.fifo[0].arrived {
		return
	}
	if !c.cfg.Shadow {
		// The tile goes where the current one works: nothing may be under way, and
		// the next product must be the one that wants it.
		u := c.byLane[matrix][i]
		if u.running != nil || t < a.drained || len(u.queue) == 0 || !u.queue[0].op.Switch {
			return
		}
	}
	a.shifting, a.shifted = true, c.path.shift(i, t)
}

// dispatch takes the next instruction in cycle t if it can.
func (c *control) dispatch(t int64) (bool, error) {
	if c.halted {
		return false, nil
	}
	if !c.have {
		more, err := c.next.Next(&c.pending)
		if err != nil {
			return false, err
		}
		if !more {
			c.halted = true
			return true, nil
		}
		c.have = true
	}
	op := &c.pending
	switch op.Code {
	case isa.Sync:
		if len(c.inFlight) > 0 {
			return false, nil
		}
	case isa.Wait:
		for _, x := range c.inFlight {
			if x.op.Mem.Rows > 0 && x.op.Tag == op.Tag {
				return false, nil
			}
		}
	case isa.Halt:
		c.halted, c.haltAt = true, t
	}
	u := c.unitOf(op)
	if u == nil {
		if c.trace != nil && (op.Code == isa.Debug || op.Code == isa.Interrupt) {
			c.trace(Event{Unit: "sequencer", PC: op.PC, Text: op.Word.String(), Start: t, End: t + 1})
		}
		c.c.Instructions[op.Code]++
		c.have = false
		return true, nil
	}
	if len(u.queue) >= c.cfg.Queue {
		return false, nil
	}
	x := c.newFlight()
	c.numbers++
	x.op, x.unit, x.start, x.read, x.done = *op, u, unknown, unknown, unknown
	x.number, x.dispatched = c.numbers, t
	u.queue = append(u.queue, x)
	c.inFlight = append(c.inFlight, x)
	c.c.Instructions[op.Code]++
	c.have = false
	return true, nil
}

func (c *control) newFlight() *flight {
	if n := len(c.spare); n > 0 {
		x := c.spare[n-1]
		c.spare = c.spare[:n-1]
		return x
	}
	return new(flight)
}
