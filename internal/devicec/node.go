package devicec

// decl is a variable or parameter.
type decl struct {
	name   string
	typ    *ctype
	shared bool
	param  bool // of the kernel
	init   expr
	list   []expr // of an array's initialiser
	// changes is how often the text changes the variable after its declaration.
	changes int
	line    int
}

// function is a function with its text.
type function struct {
	name   string
	ret    *ctype
	params []*decl
	body   *block
	kernel bool
	bound  int // threads of a block, from __launch_bounds__; 0 where it is not said
	line   int
}

// Expressions.
type (
	expr interface{ at() int }
	pos  int

	literal struct {
		pos
		value
	}
	reference struct {
		pos
		to *decl
	}
	index struct {
		pos
		base, idx expr
	}
	member struct {
		pos
		base expr
		name string
	}
	special struct { // a register that the hardware sets
		pos
		name string // "tid.x"
	}
	unary struct {
		pos
		op string
		x  expr
	}
	binary struct {
		pos
		op   string
		x, y expr
	}
	assign struct {
		pos
		op   string // "" for =, else the operator
		x, y expr
	}
	increment struct {
		pos
		x    expr
		by   int
		post bool
	}
	conditional struct {
		pos
		cond, yes, no expr
	}
	call struct {
		pos
		name string
		fn   *function // nil for those of the library and of the language
		args []expr
	}
	cast struct {
		pos
		to *ctype
		x  expr
	}
)

func (p pos) at() int { return int(p) }

// Statements.
type (
	stmt       any
	declare    struct{ vars []*decl }
	compute    struct{ x expr }
	block      struct{ list []stmt }
	branchStmt struct {
		cond    expr
		yes, no stmt
	}
	loop struct {
		line       int
		init       stmt
		cond, step []expr // of step all are done, of cond there is at most one
		body       stmt
		last       bool // the condition is asked after the body
		// inner is the changes of the variable of the first clause in the body.
		inner map[*decl]int
	}
	choice struct { // switch
		line int
		x    expr
		list []stmt // with labels
	}
	label struct {
		values []expr
		other  bool // default
	}
	leave struct { // return, break and continue
		line int
		what string
		x    expr
	}
)
