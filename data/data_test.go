package data

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func numbers(n int) *Arrays {
	a := &Arrays{Shape: []int{2}, Classes: []string{"a"}}
	for i := range n {
		a.X = append(a.X, float32(i), float32(-i))
		a.Y = append(a.Y, int64(i))
	}
	return a
}

func TestLoaderCoversEveryEpoch(t *testing.T) {
	l, err := NewLoader(numbers(10), LoaderConfig{Batch: 3, Shuffle: true, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	if l.Steps() != 4 {
		t.Fatalf("%d steps", l.Steps())
	}
	var orders [][]int64
	for epoch := range 2 {
		var seen []int64
		for k := range 4 {
			b := l.At(epoch*4 + k)
			if want := []int{3, 3, 3, 1}[k]; b.N != want || len(b.X) != 2*want {
				t.Errorf("batch %d has %d samples and %d values", k, b.N, len(b.X))
			}
			for i, y := range b.Y {
				if b.X[2*i] != float32(y) || b.X[2*i+1] != float32(-y) {
					t.Errorf("sample %d lost its class", y)
				}
			}
			seen = append(seen, b.Y...)
		}
		orders = append(orders, slices.Clone(seen))
		slices.Sort(seen)
		for i, y := range seen {
			if int64(i) != y {
				t.Fatalf("epoch %d has samples %v", epoch, seen)
			}
		}
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("two epochs have one order")
	}
}

func TestBatchesAreAt(t *testing.T) {
	l, err := NewLoader(numbers(20), LoaderConfig{Batch: 4, Shuffle: true, Seed: 9, DropLast: true})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for k, b := range l.Batches(t.Context(), 3, 12) {
		if k != 3+n || !slices.Equal(b.Y, l.At(k).Y) {
			t.Errorf("batch %d is %v, want number %d, %v", k, b.Y, 3+n, l.At(3+n).Y)
		}
		n++
	}
	if n != 9 {
		t.Errorf("%d batches", n)
	}
}

func TestBatchesLeaveNoGoroutine(t *testing.T) {
	l, err := NewLoader(numbers(20), LoaderConfig{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for range l.Batches(t.Context(), 0, 1000) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for range l.Batches(ctx, 0, 1000) {
		if n++; n == 3 {
			cancel()
		}
	}
	if n > 4 {
		t.Errorf("%d batches after the third cancelled", n)
	}
	for i := 0; runtime.NumGoroutine() > before && i < 100; i++ {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

func TestLoaderRefuses(t *testing.T) {
	for _, c := range []LoaderConfig{{}, {Batch: 11, DropLast: true}} {
		if _, err := NewLoader(numbers(10), c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func idx(dims []byte, n int) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = append(b, 0, 0, 0, d)
	}
	return append(b, make([]byte, n)...)
}

func TestReadIDX(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(idx([]byte{2, 3}, 6)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	for name, b := range map[string][]byte{"plain": idx([]byte{2, 3}, 6), "packed": packed.Bytes()} {
		dims, values, err := ReadIDX(bytes.NewReader(b))
		if err != nil || !slices.Equal(dims, []int{2, 3}) || len(values) != 6 {
			t.Errorf("%s: %v %v %v", name, dims, values, err)
		}
	}
	if dims, values, err := ReadIDX(bytes.NewReader(idx([]byte{1, 2, 1, 3}, 6))); err != nil || !slices.Equal(dims, []int{1, 2, 1, 3}) || len(values) != 6 {
		t.Errorf("four dimensions: %v, %v", dims, err)
	}
	for name, b := range map[string][]byte{
		"empty":        {},
		"magic":        {1, 2, 8, 1, 0, 0, 0, 1, 7},
		"type":         {0, 0, 13, 1, 0, 0, 0, 1, 7},
		"rank":         {0, 0, 8, 9},
		"rank 0":       {0, 0, 8, 0, 7},
		"rank 5":       idx([]byte{1, 1, 1, 1, 1}, 1),
		"short header": {0, 0, 8, 2, 0, 0, 0, 1},
		"short data":   idx([]byte{2, 3}, 5),
		"long data":    idx([]byte{2, 3}, 7),
		"huge":         {0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"cut gzip":     packed.Bytes()[:packed.Len()-6],
	} {
		if _, _, err := ReadIDX(bytes.NewReader(b)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// A header that asks for more than the limit is refused for that; one at the limit is
// read as far as the file goes.
func TestIDXLimit(t *testing.T) {
	for dims, want := range map[[4]byte]string{{0x40, 0, 0, 0}: "cut off", {0x40, 0, 0, 1}: "limit"} {
		_, _, err := ReadIDX(bytes.NewReader(append([]byte{0, 0, 8, 1}, append(dims[:], 1, 2, 3)...)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%x bytes: %v, want %q", dims, err, want)
		}
	}
}

// Classes are counted from 0: that of the number of classes is none.
func TestLabelsAreClasses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for label, good := range map[byte]bool{0: true, 9: true, 10: false, 255: false} {
		for _, part := range []string{"train", "t10k"} {
			write(part+"-images-idx3-ubyte", idx([]byte{2, 28, 28}, 2*28*28))
			write(part+"-labels-idx1-ubyte", append(idx([]byte{2}, 0), 3, label))
		}
		train, _, err := Fashion(dir)
		var bad *FileError
		switch {
		case good && (err != nil || train.Y[0] != 3 || train.Y[1] != int64(label)):
			t.Errorf("class %d: %v", label, err)
		case !good && (!errors.As(err, &bad) || !strings.Contains(err.Error(), "picture 1")):
			t.Errorf("class %d of 10 was taken: %v", label, err)
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idx([]byte{2, 3}, 6))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, b []byte) {
		dims, values, err := ReadIDX(bytes.NewReader(b))
		if err != nil {
			return
		}
		n := 1
		for _, d := range dims {
			n *= d
		}
		if n != len(values) {
			t.Errorf("%v holds %d values", dims, len(values))
		}
	})
}

func TestMissingAndBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	var bad *FileError
	_, _, err := Fashion(dir)
	if !errors.As(err, &bad) {
		t.Fatal(err)
	}
	for _, part := range []string{"train-images-idx3-ubyte.gz", "http://fashion-mnist", "26421880", "--data", "CREASE_DATA"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not name %q: %v", part, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), idx([]byte{1, 2, 2}, 4), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Fashion(dir); !errors.As(err, &bad) || !strings.Contains(err.Error(), "28") {
		t.Errorf("pictures of 2×2: %v", err)
	}
	if _, err := Dir(filepath.Join(dir, "absent")); !errors.As(err, &bad) {
		t.Errorf("an absent directory: %v", err)
	}
	t.Setenv("CREASE_DATA", "")
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} { // the user's cache, by system
		t.Setenv(name, t.TempDir())
	}
	if _, err := Dir(""); !errors.As(err, &bad) {
		t.Errorf("no directory: %v", err)
	}
}

func TestRealFiles(t *testing.T) {
	dir := os.Getenv("CREASE_DATA")
	if dir == "" {
		if os.Getenv("CREASE_FLAGSHIP") != "" {
			t.Fatal("CREASE_FLAGSHIP is set and CREASE_DATA is not")
		}
		t.Skip("CREASE_DATA is not set")
	}
	train, test, err := Fashion(dir)
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 60000 || test.Len() != 10000 {
		t.Errorf("%d and %d pictures", train.Len(), test.Len())
	}
	count := make([]int, 10)
	for _, y := range train.Y {
		count[y]++
	}
	for c, n := range count {
		if n != 6000 {
			t.Errorf("class %d has %d pictures, want 6000", c, n)
		}
	}
	digits, err := MNISTTest(dir)
	if err != nil || digits.Len() != 10000 {
		t.Errorf("MNIST: %v", err)
	}
}

func TestCrumpleHasAnInverse(t *testing.T) {
	c := DefaultSheets()
	crumple, train, _, err := NewSheets(c)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(train.X); i += 3 * 97 {
		p := crumple.Inverse([3]float64{float64(train.X[i]), float64(train.X[i+1]), float64(train.X[i+2])})
		q := crumple.Apply(p)
		for k := range q {
			if math.Abs(q[k]-float64(train.X[i+k])) > 1e-9 {
				t.Fatalf("point %d came back as %v", i/3, q)
			}
		}
		// Smoothed out, a point lies on its sheet.
		if want := c.Gap * (float64(train.Y[i/3]) - 2); math.Abs(p[2]-want) > 1e-5 {
			t.Fatalf("point %d of sheet %d lies at height %v, want %v", i/3, train.Y[i/3], p[2], want)
		}
	}
}

func TestSheetsAreSeededAndBalanced(t *testing.T) {
	c := DefaultSheets()
	_, a, at, _ := NewSheets(c)
	_, b, _, _ := NewSheets(c)
	if !slices.Equal(a.X, b.X) {
		t.Error("one seed gave two balls")
	}
	c.Seed++
	_, other, _, _ := NewSheets(c)
	if slices.Equal(a.X, other.X) {
		t.Error("two seeds gave one ball")
	}
	if slices.Equal(a.X[:30], at.X[:30]) {
		t.Error("the test points are training points")
	}
	count := make([]int, 5)
	for _, y := range a.Y {
		count[y]++
	}
	if slices.Min(count) != slices.Max(count) {
		t.Errorf("the sheets have %v points", count)
	}
	c.Sheets = 1
	if _, _, _, err := NewSheets(c); err == nil {
		t.Error("one sheet was accepted")
	}
}

// The ball has its middle at 0 and a spread of 1 along an axis, whatever the folds. The
// middle and the spread are those of 4096 probes, so the points' own are near.
func TestSheetsAreScaled(t *testing.T) {
	for _, folds := range []int{0, 1, 6} {
		c := DefaultSheets()
		c.Folds, c.Train = folds, 20000
		_, a, _, err := NewSheets(c)
		if err != nil {
			t.Fatalf("%d folds: %v", folds, err)
		}
		var sum [3]float64
		squares := 0.0
		for i, x := range a.X {
			sum[i%3] += float64(x) / float64(a.Len())
			squares += float64(x) * float64(x) / float64(len(a.X))
		}
		for _, m := range sum {
			if math.Abs(m) > 0.1 {
				t.Errorf("%d folds: the middle is %v", folds, sum)
			}
		}
		if math.Abs(squares-1) > 0.1 {
			t.Errorf("%d folds: the mean square is %v, want 1", folds, squares)
		}
	}
}

func TestSheetsRefuse(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*SheetsConfig)
		good   bool
	}{
		"two sheets":       {func(c *SheetsConfig) { c.Sheets = 2 }, true},
		"1001 sheets":      {func(c *SheetsConfig) { c.Sheets, c.Train, c.Test = 1001, 2000, 2000 }, false},
		"1000 sheets":      {func(c *SheetsConfig) { c.Sheets, c.Train, c.Test = 1000, 1000, 1000 }, true},
		"no folds":         {func(c *SheetsConfig) { c.Folds = 0 }, true},
		"folds below 0":    {func(c *SheetsConfig) { c.Folds = -1 }, false},
		"1001 folds":       {func(c *SheetsConfig) { c.Folds = 1001 }, false},
		"a sheet too few":  {func(c *SheetsConfig) { c.Train = c.Sheets - 1 }, false},
		"a test too few":   {func(c *SheetsConfig) { c.Test = c.Sheets - 1 }, false},
		"too many":         {func(c *SheetsConfig) { c.Train = 1e8 + 1 }, false},
		"too many tests":   {func(c *SheetsConfig) { c.Test = 1e8 + 1 }, false},
		"no gap":           {func(c *SheetsConfig) { c.Gap = 0 }, false},
		"a gap of NaN":     {func(c *SheetsConfig) { c.Gap = math.NaN() }, false},
		"an endless gap":   {func(c *SheetsConfig) { c.Gap = math.Inf(1) }, false},
		"strength of NaN":  {func(c *SheetsConfig) { c.Strength = math.NaN() }, false},
		"endless strength": {func(c *SheetsConfig) { c.Strength = math.Inf(-1) }, false},
	} {
		s := DefaultSheets()
		s.Train, s.Test = 100, 100
		c.change(&s)
		if _, _, _, err := NewSheets(s); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// An epoch has the last, smaller batch unless it is to be dropped.
func TestSteps(t *testing.T) {
	for _, c := range []struct {
		n, batch, all, whole int
	}{{10, 3, 4, 3}, {9, 3, 3, 3}, {10, 10, 1, 1}, {10, 9, 2, 1}, {10, 1, 10, 10}} {
		for drop, want := range map[bool]int{false: c.all, true: c.whole} {
			l, err := NewLoader(numbers(c.n), LoaderConfig{Batch: c.batch, DropLast: drop})
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Steps(); got != want {
				t.Errorf("%d samples by %d, the last dropped %v: %d steps, want %d", c.n, c.batch, drop, got, want)
			}
			for k := range 2 * want {
				if n := min(c.batch, c.n-(k%want)*c.batch); l.At(k).N != n {
					t.Errorf("batch %d of %d samples by %d has %d, want %d", k, c.n, c.batch, l.At(k).N, n)
				}
			}
		}
	}
}

// Every fold changes the ball.
func TestFoldsMatter(t *testing.T) {
	var before []float32
	for folds := range 4 {
		c := DefaultSheets()
		c.Folds = folds
		_, a, _, err := NewSheets(c)
		if err != nil {
			t.Fatal(err)
		}
		crumple, _, _, _ := NewSheets(c)
		if len(crumple.folds) != folds || slices.Equal(a.X, before) {
			t.Errorf("%d folds were asked for, there are %d", folds, len(crumple.folds))
		}
		before = a.X
	}
}
