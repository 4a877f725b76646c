package sim

// Counters are what happened in a run. Cycles of arrays are summed over the arrays.
type Counters struct {
	Cycles int64

	// Every cycle of every array is one of these four: a row enters; the next product
	// waits for its weight tile to arrive; it waits for the tile to shift in (output
	// stationary: for the sums before to leave); anything else.
	Active, WeightStall, WeightShift, Other int64

	// Parts of Other in which the next product waits for an earlier instruction: a
	// transfer, or another.
	InputStall, RAWStall int64

	// MACs are the multiply-adds of the program; UsefulSlots the 8-bit or bf16 products
	// they took, and UnusedSlots what the arrays did besides in active cycles.
	MACs, UsefulSlots, UnusedSlots int64

	// Bytes moved.
	HBMRead, HBMWritten       int64 // with weights
	Weights                   int64 // from off-chip memory
	HostRead, HostWritten     int64
	BufferRead, BufferWritten int64
	AccRead, AccWritten       int64

	// VectorOps are the elements that the vector unit and activation worked on.
	VectorOps int64

	// Cycles in which a unit worked; those of weight readers are summed.
	WeightsBusy, LoadBusy, StoreBusy, HostInBusy, HostOutBusy, VectorBusy int64

	// Cycles in which the sequencer waited for room in a queue, or for work to finish.
	QueueWait, SyncWait int64

	// Instructions carried out, by opcode; a repeated one counts each time.
	Instructions [16]int64
}

// Executed is the number of instructions carried out.
func (c *Counters) Executed() int64 {
	n := int64(0)
	for _, v := range c.Instructions {
		n += v
	}
	return n
}

// Add adds what another run counted.
func (c *Counters) Add(o *Counters) {
	for _, f := range [][2]*int64{
		{&c.Cycles, &o.Cycles}, {&c.Active, &o.Active}, {&c.WeightStall, &o.WeightStall}, {&c.WeightShift, &o.WeightShift}, {&c.Other, &o.Other},
		{&c.InputStall, &o.InputStall}, {&c.RAWStall, &o.RAWStall}, {&c.MACs, &o.MACs}, {&c.UsefulSlots, &o.UsefulSlots}, {&c.UnusedSlots, &o.UnusedSlots},
		{&c.HBMRead, &o.HBMRead}, {&c.HBMWritten, &o.HBMWritten}, {&c.Weights, &o.Weights}, {&c.HostRead, &o.HostRead}, {&c.HostWritten, &o.HostWritten},
		{&c.BufferRead, &o.BufferRead}, {&c.BufferWritten, &o.BufferWritten}, {&c.AccRead, &o.AccRead}, {&c.AccWritten, &o.AccWritten}, {&c.VectorOps, &o.VectorOps},
		{&c.WeightsBusy, &o.WeightsBusy}, {&c.LoadBusy, &o.LoadBusy}, {&c.StoreBusy, &o.StoreBusy}, {&c.HostInBusy, &o.HostInBusy}, {&c.HostOutBusy, &o.HostOutBusy},
		{&c.VectorBusy, &o.VectorBusy}, {&c.QueueWait, &o.QueueWait}, {&c.SyncWait, &o.SyncWait},
	} {
		*f[0] += *f[1]
	}
	for i, n := range o.Instructions {
		c.Instructions[i] += n
	}
}
