//go:build (linux || darwin) && (amd64 || arm64)

package peer

import (
	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/internal/dynlib"
)

// OpenBLAS opens OpenBLAS. A library that is not there is an *AbsentError.
func OpenBLAS() (*BLAS, error) {
	var lib uintptr
	var err error
	names := openBLASNames()
	for _, name := range names {
		if err = dynlib.Check(name); err != nil {
			continue
		}
		if lib, err = purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL); err == nil {
			break
		}
	}
	if lib == 0 {
		return nil, &AbsentError{"OpenBLAS", names, err}
	}
	b := &BLAS{Name: "OpenBLAS"}
	for _, f := range []struct {
		name string
		to   any
	}{{"cblas_sgemm", &b.sgemm}, {"cblas_dgemm", &b.dgemm}, {"openblas_set_num_threads", &b.setThreads}} {
		addr, err := purego.Dlsym(lib, f.name)
		if err != nil {
			if f.name == "openblas_set_num_threads" {
				continue // another BLAS, named by CREASE_OPENBLAS
			}
			return nil, &AbsentError{"OpenBLAS", names, err}
		}
		purego.RegisterFunc(f.to, addr)
	}
	var config func() string
	if addr, err := purego.Dlsym(lib, "openblas_get_config"); err == nil {
		purego.RegisterFunc(&config, addr)
		b.Name = config()
	}
	return b, nil
}
