package timing

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease/tpu/arch"
)

// array is a free configuration with one array.
func array(t *testing.T, rows, cols int, d arch.Dataflow) *arch.Config {
	t.Helper()
	c, err := arch.Free(rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	c.Dataflow = d
	return c
}

// TestScaleSim holds the totals that the untouched simulator printed.
func TestScaleSim(t *testing.T) {
	for _, v := range []struct {
		p       Product
		side    int
		flow    arch.Dataflow
		cycles  int64
		overall float64 // percent
		mapping float64
	}{
		{Product{1, 1, 1}, 8, arch.OS, 14, 0.1116, 1.5625},
		{Product{64, 10, 128}, 8, arch.WS, 2751, 46.5285, 62.5},
		{Product{64, 64, 64}, 32, arch.OS, 503, 50.8946, 100},
		{Product{64, 64, 64}, 32, arch.WS, 631, 40.5705, 100},
		{Product{64, 10, 128}, 32, arch.IS, 831, 9.6270, 100},
		{Product{127, 61, 251}, 32, arch.OS, 2503, 75.8659, 94.5679},
		{Product{127, 61, 251}, 128, arch.WS, 1017, 11.6699, 46.7255},
		{Product{100, 300, 500}, 128, arch.IS, 2727, 33.5727, 76.2939},
		{Product{3025, 96, 363}, 128, arch.WS, 10220, 62.9553, 70.8984},
		{Product{196, 256, 1152}, 256, arch.WS, 4809, 18.3406, 90},
		{Product{196, 512, 512}, 256, arch.IS, 2555, 30.6849, 76.5625},
		{Product{196, 1176, 64}, 256, arch.OS, 2869, 7.8457, 70.3418},
	} {
		r, err := ScaleSim(array(t, v.side, v.side, v.flow), v.p)
		if err != nil {
			t.Fatal(err)
		}
		if r.Cycles != v.cycles || math.Abs(100*r.Utilization-v.overall) > 1e-4 || math.Abs(100*r.Mapping-v.mapping) > 1e-4 {
			t.Errorf("%v on %d² %v: %d cycles, %.4f %% used, %.4f %% mapped; want %d, %v, %v", v.p, v.side, v.flow, r.Cycles, 100*r.Utilization, 100*r.Mapping, v.cycles, v.overall, v.mapping)
		}
	}
}

// The mesh of STONNE, fold by fold.
func TestStonne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		side := 1 << (2 + r.IntN(4))
		p := Product{1 + r.IntN(100), 1 + r.IntN(100), 1 + r.IntN(300)}
		var want int64
		for m := p.M; m > 0; m -= side {
			for n := p.N; n > 0; n -= side {
				used, across := min(m, side), min(n, side)
				want += int64(p.K + used + across + 3)
				if used == 1 || across == 1 {
					want--
				}
			}
		}
		got, err := Stonne(array(t, side, side, arch.OS), p)
		if err != nil || got.Cycles != want {
			t.Fatalf("%v on %d²: %d cycles, %v; want %d", p, side, got.Cycles, err, want)
		}
	}
	if _, err := Stonne(array(t, 4, 4, arch.WS), Product{1, 1, 1}); err == nil || !strings.Contains(err.Error(), "os") {
		t.Errorf("weight stationary: error %v", err)
	}
}

// The three programs that Mini-TPU publishes.
func TestMiniTPU(t *testing.T) {
	for _, v := range []struct {
		tiles   int64
		rows    int
		rowsOut int64
		want    int64
	}{{1, 16, 16, 2352}, {3, 16, 16, 5084}, {1, 36, 9, 2310}} {
		if got := MiniTPUTiles(v.tiles, v.rows, v.rowsOut); got != v.want {
			t.Errorf("%d tiles of %d rows: %d cycles, want %d", v.tiles, v.rows, got, v.want)
		}
	}
	c, err := arch.Preset("v1")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := MiniTPU(c, Product{16, 200, 256}); err != nil || r.Cycles != 2352 {
		t.Errorf("dense: %d cycles, %v", r.Cycles, err)
	}
	if _, err := MiniTPU(array(t, 128, 128, arch.WS), Product{1, 1, 1}); err == nil {
		t.Error("another array is accepted")
	}
}

// schedule follows the start of every tile's shift and stream, as written in the
// specification: L[i] = s[i-1], s[i] = max(s[i-1]+B[i-1], L[i]+R).
func schedule(rows, cols int, shadow bool, batches []int) int {
	start, shift := 0, 0
	for i, b := range batches {
		if i > 0 {
			if shadow {
				shift = start
			} else {
				shift = start + batches[i-1] + rows + cols - 2
			}
		}
		next := shift + rows
		if i > 0 && shadow {
			next = max(start+batches[i-1], next)
		}
		start = next
		_ = b
	}
	return start + batches[len(batches)-1] + rows + cols - 2
}

func TestTilesFollowTheSchedule(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		c := array(t, 1+r.IntN(16), 1+r.IntN(16), arch.WS)
		c.Shadow = r.IntN(2) == 0
		batches := make([]int, 1+r.IntN(6))
		for i := range batches {
			batches[i] = 1 + r.IntN(40)
		}
		if got, want := Tiles(c, batches), int64(schedule(c.Rows, c.Cols, c.Shadow, batches)); got != want {
			t.Fatalf("%d×%d shadow %v %v: %d cycles, want %d", c.Rows, c.Cols, c.Shadow, batches, got, want)
		}
	}
	if Tiles(array(t, 4, 4, arch.WS), nil) != 0 {
		t.Error("no tiles take time")
	}
}

// Without a limit on bandwidth a product is its tiles one after the other, and
// without a shadow plane it is SCALE-Sim's rule and one cycle more.
func TestArrayIsItsTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		c := array(t, 1+r.IntN(16), 1+r.IntN(16), arch.Dataflow(r.IntN(3)))
		p := Product{1 + r.IntN(60), 1 + r.IntN(60), 1 + r.IntN(60)}
		got, err := Array(c, p)
		if err != nil {
			t.Fatal(err)
		}
		if got.Stall != 0 || !(got.Utilization > 0 && got.Utilization <= 1) || !(got.Mapping > 0 && got.Mapping <= 1) {
			t.Fatalf("%v: %+v", p, got)
		}
		if c.Dataflow == arch.OS {
			folds := ceil(p.M, c.Rows) * ceil(p.N, c.Cols)
			if want := int64(folds*(p.K+c.Rows-1) + c.Rows + c.Cols - 2); got.Cycles != want {
				t.Fatalf("%v on %d×%d os: %d cycles, want %d", p, c.Rows, c.Cols, got.Cycles, want)
			}
			continue
		}
		stationary, streamed := p.N, p.M
		if c.Dataflow == arch.IS {
			stationary, streamed = p.M, p.N
		}
		batches := make([]int, ceil(p.K, c.Rows)*ceil(stationary, c.Cols))
		for i := range batches {
			batches[i] = streamed
		}
		if want := Tiles(c, batches); got.Cycles != want {
			t.Fatalf("%v on %d×%d %v: %d cycles, want %d", p, c.Rows, c.Cols, c.Dataflow, got.Cycles, want)
		}
		c.Shadow = false
		got, _ = Array(c, p)
		outside, _ := ScaleSim(c, p)
		if got.Cycles != outside.Cycles+1 {
			t.Fatalf("%v on %d×%d %v without a shadow plane: %d cycles, SCALE-Sim has %d", p, c.Rows, c.Cols, c.Dataflow, got.Cycles, outside.Cycles)
		}
	}
}

// More bandwidth or more of anything never costs time.
func TestMonotony(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		c, err := arch.Preset("v1")
		if err != nil {
			t.Fatal(err)
		}
		p := Product{1 + r.IntN(5000), 1 + r.IntN(3000), 1 + r.IntN(3000)}
		before, _ := Array(c, p)
		c.HBM.Bandwidth *= uint64(2 + r.IntN(4))
		after, _ := Array(c, p)
		if after.Cycles > before.Cycles || after.Stall > before.Stall {
			t.Fatalf("%v: %d cycles, with more bandwidth %d", p, before.Cycles, after.Cycles)
		}
	}
	// Four times the bandwidth helps a network like MLP0 2.5 times and more; twice
	// the array does not help a 600×600 product on one tile's bandwidth.
	c, _ := arch.Preset("v1")
	p := Product{200, 2000, 2000}
	slow, _ := Array(c, p)
	c.HBM.Bandwidth *= 4
	fast, _ := Array(c, p)
	if float64(slow.Cycles) < 2.5*float64(fast.Cycles) {
		t.Errorf("%v: %d cycles, %d with four times the bandwidth", p, slow.Cycles, fast.Cycles)
	}
	small, _ := arch.Preset("v1")
	large, _ := arch.Parse("v1", map[string]string{"rows": "512", "cols": "512"})
	a, _ := Array(small, Product{96, 600, 600})
	b, _ := Array(large, Product{96, 600, 600})
	if b.Cycles < a.Cycles {
		t.Errorf("600×600 takes %d cycles on 256², %d on 512²", a.Cycles, b.Cycles)
	}
}

func TestBadProducts(t *testing.T) {
	for _, name := range Rules() {
		rule, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := arch.Preset("v4")
		if name == "stonne" {
			c = array(t, 4, 4, arch.OS)
		}
		for _, p := range []Product{{0, 1, 1}, {1, -5, 1}, {1, 1, MaxSize + 1}} {
			if _, err := rule(c, p); err == nil || !strings.Contains(err.Error(), p.String()) {
				t.Errorf("%s of %v: error %v", name, p, err)
			}
		}
	}
	if _, err := Named("gem5"); err == nil || !strings.Contains(err.Error(), "scalesim") {
		t.Errorf("an unknown rule: error %v", err)
	}
	// The largest products neither overflow nor take long.
	tiny := array(t, 1, 1, arch.WS)
	tiny.HBM.Bandwidth = 1
	all := []*arch.Config{tiny, array(t, 1, 1, arch.OS), array(t, arch.MaxSide, arch.MaxSide, arch.OS)}
	for _, name := range arch.Names {
		c, _ := arch.Preset(name)
		all = append(all, c)
	}
	for _, c := range all {
		for _, p := range []Product{{MaxSize, MaxSize, MaxSize}, {1, MaxSize, MaxSize}, {MaxSize, 1, 1}, {1, 1, MaxSize}} {
			for _, rule := range []Rule{Own, ScaleSim, Stonne} {
				r, err := rule(c, p)
				if err == nil && (r.Cycles <= 0 || !(r.Utilization > 0 && r.Utilization <= 1+1e-6)) { // ScaleSim counts one cycle less
					t.Errorf("%s %d×%d: %v takes %d cycles, %v used", c.Name, c.Rows, c.Cols, p, r.Cycles, r.Utilization)
				}
			}
		}
	}
}

// ResNet-18 as matrix products at 224×224, convolutions by their windows.
var resnet18 = []Product{
	{12544, 64, 147}, {3136, 64, 576}, {3136, 64, 576}, {3136, 64, 576}, {3136, 64, 576},
	{784, 128, 576}, {784, 128, 1152}, {784, 128, 64}, {784, 128, 1152}, {784, 128, 1152},
	{196, 256, 1152}, {196, 256, 2304}, {196, 256, 128}, {196, 256, 2304}, {196, 256, 2304},
	{49, 512, 2304}, {49, 512, 4608}, {49, 512, 256}, {49, 512, 4608}, {49, 512, 4608}, {1, 1000, 512},
}

func BenchmarkResNet18(b *testing.B) {
	for _, name := range []string{"v1", "v4", "v6e"} {
		b.Run(name, func(b *testing.B) {
			c, _ := arch.Preset(name)
			for b.Loop() {
				for _, p := range resnet18 {
					if _, err := Own(c, p); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
