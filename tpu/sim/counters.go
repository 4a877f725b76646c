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
