package isa

import "fmt"

// Program is instructions and the life of the buffers they use.
type Program struct {
	Words []Word
	Marks []Mark // in the order of PC
}

// Mark says that, before instruction PC, a part of the buffer is taken or given back.
// Marks take no time; instructions may touch only what is taken.
type Mark struct {
	PC    int
	Free  bool
	Name  string
	Addr  int64
	Bytes int64
}

// MaxWords is the largest number of instructions of a program.
const MaxWords = 1 << 24

// Error is what is wrong with an instruction.
type Error struct {
	PC        int
	Iteration int // of a repeated instruction
	Text      string
	Reason    string
}

func (e *Error) Error() string {
	at := fmt.Sprintf("instruction %d (%s)", e.PC, e.Text)
	if e.Iteration > 0 {
		at += fmt.Sprintf(", iteration %d", e.Iteration)
	}
	return "tpu: " + at + ": " + e.Reason
}

// Limits are the sizes of the memories outside, in bytes.
type Limits struct {
	HBM, Host int64
}
