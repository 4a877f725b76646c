package cuda

import (
	"fmt"
	"sync"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/internal/compiling"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/internal/devicec"
	"github.com/crease-ml/crease/kernels"
)

// compiled holds a program as the driver has loaded it. Whoever runs the program first
// compiles it. If that fails, the error is kept and returned to all who follow.
type compiled struct {
	once     sync.Once
	err      error
	module   driver.Module
	function driver.Function
}

func (c *compiled) release(drv driver.Driver) {
	if c.module != 0 {
		drv.ModuleUnload(c.module)
	}
}

// compiled returns a program in compiled form. It compiles it on first use. There is no cache
// on disk here: the driver itself keeps the GPU code that it makes of PTX.
func (d *Device) compiled(p *kernels.Program) (*compiled, error) {
	v, ok := d.programs.Load(p)
	if !ok {
		v, _ = d.programs.LoadOrStore(p, &compiled{})
	}
	c := v.(*compiled)
	c.once.Do(func() { c.err = d.build(c, p) })
	return c, c.err
}

func (d *Device) build(c *compiled, p *kernels.Program) error {
	if p.Dialect != kernels.CUDA {
		return fmt.Errorf("%s is written in %v, and the device reads %v", p.Name, p.Dialect, kernels.CUDA)
	}
	if debug.On(debug.Sources) {
		debug.Program(d.info.Name, "compiling", p.Name, p.Source)
	}
	defer compiling.Begin(p.Name)()
	text, err := devicec.Compile(p.Source, d.target())
	if err != nil {
		return fmt.Errorf("program %s does not compile: %w\n%s", p.Name, err, kernels.Listing(p.Source))
	}
	if debug.On(debug.Sources) {
		debug.Program(d.info.Name, "loading the PTX of", p.Name, text)
	}
	module, log, r := d.drv.ModuleLoad([]byte(text))
	if r != driver.Success {
		return fmt.Errorf("program %s: %w\nThe driver's compiler says:\n%s\nThe PTX:\n%s", p.Name, d.check("cuModuleLoadDataEx", r), log, kernels.Listing(text))
	}
	c.module = module
	c.function, r = d.drv.ModuleFunction(module, p.Name)
	return d.check("cuModuleGetFunction "+p.Name, r)
}
