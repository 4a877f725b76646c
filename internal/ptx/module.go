package ptx

// Module is a text that has been read.
type Module struct {
	Version string // of the language, "7.0"
	Target  string // "sm_80"
	Entries map[string]*Entry
	globals map[string]*object
}

// Entry is a kernel.
type Entry struct {
	Name   string
	Params []Param
	// Values is the bytes of all parameters together, as a launch lays them out.
	Values int
	// Shared and Local are bytes of memory that the text declares: of a block, and of
	// every thread.
	Shared, Local int
	MaxThreads    int // from .maxntid, 0 where it is not said
	code          []instruction
	regs          []regType
	preds         int
	program       *program
}

// Param is a parameter of a kernel.
type Param struct {
	Name                string
	Offset, Size, Align int
}

type regType uint8

const (
	predicate regType = iota
	bits16
	bits32
	bits64
)

// object is a variable in memory.
type object struct {
	space  string
	offset int
	size   int
	align  int
	init   []byte
	extern bool
}

type operandKind uint8

const (
	opRegister operandKind = iota
	opPredicate
	opImmediate
	opSymbol // an object's or parameter's address
	opMemory // [list[0] + value], or [list...]
	opList   // {...}
	opSpecial
	opSink
	opLabel
)

// operand is what an instruction takes.
type operand struct {
	kind  operandKind
	reg   int // a register, or a predicate
	not   bool
	value uint64 // an immediate, a symbol's offset
	name  string // a symbol, special register or label
	list  []operand
	pair  *operand // the second of p|q
	at    *object
	param *Param
}

// instruction is one line.
type instruction struct {
	op    []string // "add", "rn", "f32"
	text  string
	line  int
	guard int // a predicate, -1: none
	not   bool
	args  []operand
	to    int   // of a branch
	table []int // of brx
}
