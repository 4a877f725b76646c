package devicec

import (
	_ "embed"
	"sync"
)

// The functions of mathematics that PTX has no exact instruction for. Those of floats
// that are called rarely compute in double precision and round once.
var (
	//go:embed library/double.c
	doubleText string
	//go:embed library/float.c
	floatText string
)

// library is the functions by name, of floats and of doubles.
var library = sync.OnceValue(func() [2]map[string]*function {
	doubles := newParser(preprocess(doubleText))
	doubles.unit()
	floats := newParser(preprocess(floatText))
	floats.unit()
	return [2]map[string]*function{floats.functions, doubles.functions}
})

// fromLibrary is a function of the library, nil where there is none.
func fromLibrary(name string, double bool) *function {
	if double {
		return library()[1][name]
	}
	return library()[0][name]
}
