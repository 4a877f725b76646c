package conform_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// umathTable is where NumPy's table for a row would be; it names functions as we do.
func umathTable(dir string, op *ops.Op) string {
	return filepath.Join(dir, "umath", "umath-validation-set-"+op.Name+".csv")
}

// NumPy's tables of hard arguments, with the distance in units in the last place
// that it allows itself, are met by the processor's kernels: by NumPy's bound or
// the row's, whichever is wider.
func TestNumPyTables(t *testing.T) {
	dir := os.Getenv("CREASE_FIXTURES")
	if dir == "" {
		if os.Getenv("CREASE_FLAGSHIP") != "" {
			t.Fatal("CREASE_FLAGSHIP is set and CREASE_FIXTURES is not")
		}
		t.Skip("CREASE_FIXTURES is not set")
	}
	var umath []*ops.Op
	for _, op := range unary() {
		if _, err := os.Stat(umathTable(dir, op)); err == nil {
			umath = append(umath, op)
		}
	}
	if len(umath) < 9 {
		t.Fatalf("%s has tables for %d rows, it had for 9", dir, len(umath))
	}
	for _, name := range []string{"cpu/avx512", "cpu/avx2", "cpu/generic"} {
		dev, err := hal.Open(name)
		if err != nil {
			continue
		}
		e, err := exec.On(dev)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range umath {
			t.Run(name+"/"+op.Name, func(t *testing.T) {
				rows := readTable(t, umathTable(dir, op))
				for _, dt := range []dtype.Type{dtype.F32, dtype.F64} {
					checkTable(t, e, op, dt, rows)
				}
			})
		}
	}
}

// tableRow is a line of a table: bits of argument and result.
type tableRow struct {
	dt       dtype.Type
	in, want uint64
	ulp      float64
}

func readTable(t *testing.T, path string) (rows []tableRow) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		part := strings.Split(lines.Text(), ",")
		if len(part) != 4 || strings.HasPrefix(part[0], "dtype") {
			continue
		}
		dt := dtype.F32
		if part[0] == "np.float64" {
			dt = dtype.F64
		}
		in, err1 := strconv.ParseUint(strings.TrimPrefix(part[1], "0x"), 16, 64)
		want, err2 := strconv.ParseUint(strings.TrimPrefix(part[2], "0x"), 16, 64)
		ulp, err3 := strconv.ParseFloat(strings.TrimSpace(part[3]), 64)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatalf("%s: %q", path, lines.Text())
		}
		rows = append(rows, tableRow{dt, in, want, ulp})
	}
	return rows
}

func checkTable(t *testing.T, e *exec.Engine, op *ops.Op, dt dtype.Type, rows []tableRow) {
	t.Helper()
	var list []tableRow
	for _, r := range rows {
		if r.dt == dt {
			list = append(list, r)
		}
	}
	if len(list) < 100 {
		t.Fatalf("%d rows of %s", len(list), dt)
	}
	x := ops.NewHost(ops.Spec{DType: dt, Shape: []int{len(list)}})
	for i, r := range list {
		x.Set(i, value(dt, r.in))
	}
	a, err := e.Upload(x)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	out := e.Apply(op, nil, a)[0].(*exec.Array)
	defer out.Release()
	got, err := out.Host()
	if err != nil {
		t.Fatal(err)
	}
	worst, at := 0.0, ""
	for i, r := range list {
		w, g := value(dt, r.want), got.At(i)
		d := distance(dt, g, w)
		if d > max(r.ulp, op.Tol.ULP) && !subnormal(dt, w) {
			t.Errorf("%s: %s(%v) is %v, want %v: %.0f units in the last place", dt, op.Name, x.At(i), g, w, d)
			return
		}
		if d > worst && !subnormal(dt, w) {
			worst, at = d, fmt.Sprint(x.At(i))
		}
	}
	t.Logf("%s: %d rows, at most %.0f units in the last place (at %s)", dt, len(list), worst, at)
}

func value(dt dtype.Type, bits uint64) float64 {
	if dt == dtype.F32 {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// subnormal results may be flushed to zero.
func subnormal(dt dtype.Type, w float64) bool {
	return dt == dtype.F32 && w != 0 && math.Abs(w) < 0x1p-126
}

// distance is the number of representable numbers between two.
func distance(dt dtype.Type, a, b float64) float64 {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return 0
	}
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.Inf(1)
	}
	order := func(v float64) float64 {
		bits := float64(math.Float64bits(math.Abs(v)))
		if dt == dtype.F32 {
			bits = float64(math.Float32bits(float32(math.Abs(v))))
		}
		return math.Copysign(bits, v)
	}
	return math.Abs(order(a) - order(b))
}
