package kernels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// recorder keeps the programs it is told to run.
type recorder struct {
	hal.Stream
	programs map[*Program]bool
}

func (r *recorder) Run(p *Program, _ [3]int, _ []hal.Buffer, _ []byte) error {
	r.programs[p] = true
	return nil
}

func (r *recorder) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	return l.Run(r, at, work)
}

// calls are the calls of a case, with dense operands and with permuted ones.
func calls(t *testing.T, op *ops.Op, c ops.Case, dt dtype.Type) []*hal.Call {
	t.Helper()
	var in []ops.Spec
	for _, a := range c.In {
		in = append(in, a.Spec(dt))
	}
	out, err := op.Specs(c.Attrs, in)
	if err != nil {
		t.Fatalf("%s, case %s: %v", op.Name, c.Name, err)
	}
	view := func(s ops.Spec, strided bool) hal.View {
		v := hal.View{DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape)}
		if op.Expr != nil {
			v.Shape = out[0].Shape
			if v.Strides, err = shape.BroadcastStrides(s.Shape, v.Strides, v.Shape); err != nil {
				t.Fatal(err)
			}
		}
		if strided { // every other element
			v.Strides = shape.Clone(v.Strides)
			for i := range v.Strides {
				v.Strides[i] *= 2
			}
		}
		return v
	}
	var list []*hal.Call
	for _, strided := range []bool{false, true} {
		call := &hal.Call{Op: op.Name, Attrs: c.Attrs}
		for _, s := range in {
			call.In = append(call.In, view(s, strided))
		}
		for _, s := range out {
			call.Out = append(call.Out, hal.View{DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape)})
		}
		list = append(list, call)
	}
	return list
}

// scratch is memory that no program of a recorder touches.
type scratch struct{ hal.Buffer }

// programs is every program that the suite's cases make of a dialect, on a device that has
// nothing special.
func programs(t *testing.T, d Dialect) []*Program {
	t.Helper()
	return programsOf(t, Caps{Dialect: d, F64: true, MaxGroup: 1024, Local: 48 << 10})
}

func programsOf(t *testing.T, caps Caps) []*Program {
	t.Helper()
	t.Setenv("CREASE_TUNING", "off")
	var r hal.Registry
	if _, err := Register(&r, caps); err != nil {
		t.Fatal(err)
	}
	rec := &recorder{programs: map[*Program]bool{}}
	for _, op := range ops.All() {
		for _, c := range op.Cases {
			for _, dt := range c.TypesIn(op) {
				for _, call := range calls(t, op, c, dt) {
					for _, k := range r.For(op.Name) {
						if !k.Takes(call) {
							continue
						}
						l, err := k.Prepare(call)
						if err == nil {
							err = rec.Launch(l, call.Operands(), scratch{})
						}
						if err != nil && !errors.Is(err, hal.ErrUnsupported) {
							t.Fatalf("%s, case %s: %v", k.Name, c.Name, err)
						}
					}
				}
			}
		}
	}
	var list []*Program
	for p := range rec.programs {
		list = append(list, p)
	}
	return list
}

// clang is a compiler that knows CUDA C.
func clang(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("clang"); err == nil {
		return path
	}
	for version := 30; version >= 14; version-- {
		if path, err := exec.LookPath(fmt.Sprintf("clang-%d", version)); err == nil {
			return path
		}
	}
	conform.Absent(t, "clang", errors.New("no clang is in PATH (Debian: apt-get install clang)"))
	return ""
}

// compileCUDA compiles a program to PTX, and returns that or what the compiler says.
func compileCUDA(ctx context.Context, clang, dir string, p *Program, n int) (ptx, says string, err error) {
	src := filepath.Join(dir, fmt.Sprintf("%s_%d.cu", p.Name, n))
	if err := os.WriteFile(src, []byte(p.Source), 0o644); err != nil {
		return "", "", err
	}
	out := strings.TrimSuffix(src, ".cu") + ".ptx"
	cmd := exec.CommandContext(ctx, clang, "-x", "cuda", "--cuda-device-only", "-nocudainc", "-nocudalib", "--cuda-gpu-arch=sm_70",
		"-Xclang", "-target-feature", "-Xclang", "+ptx60", "-include", filepath.Join("testdata", "cuda.h"), "-Werror", "-Wno-tautological-compare", "-O1", "-S", src, "-o", out)
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", string(b), nil
	}
	b, err := os.ReadFile(out)
	return string(b), "", err
}

// Every program is CUDA C to a compiler, and its entry point has one name for all.
func TestCUDACompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles some hundreds of programs")
	}
	clang, dir := clang(t), t.TempDir()
	list := programs(t, CUDA)
	work := make(chan int)
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for i := range work {
				p := list[i]
				ptx, says, err := compileCUDA(t.Context(), clang, dir, p, i)
				if err != nil || says != "" {
					t.Errorf("%s: %v\n%s", p.Name, err, says)
				} else if !strings.Contains(ptx, ".entry "+p.Name+"(") {
					t.Errorf("%s: the entry point is missing", p.Name)
				}
			}
		})
	}
	for i := range list {
		work <- i
	}
	close(work)
	wg.Wait()
	t.Logf("%d programs", len(list))
}

// The check can fail.
func TestCUDARefuses(t *testing.T) {
	clang := clang(t)
	for body, ok := range map[string]bool{
		"\tSET(y, GID(0), GET(x, GID(0)));\n":       true,
		"\tSET(y, GID(0), vload4(0, x));\n":         false,
		"\tSET(y, GID(0), as_float(GET(x, 0)));\n":  false,
		"\tSET(x, GID(0), 1.0f);\n":                 false,
		"\tfloat16 v; SET(y, GID(0), GET(x, 0));\n": false,
	} {
		if _, says, err := compileCUDA(t.Context(), clang, t.TempDir(), TestProgram(CUDA, "k", body, 4), 0); err != nil || (says == "") != ok {
			t.Errorf("%q: %v\n%s", body, err, says)
		}
	}
}
