package hal_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/debug"
)

// fake is a device that is there, without memory.
type fake struct {
	hal.Device
	name   string
	closed bool
}

func (f *fake) Info() hal.Info { return hal.Info{Name: f.name} }

func (f *fake) Alloc(int) (hal.Buffer, error) {
	if f.closed {
		return nil, &hal.DeviceError{Device: f.name, Err: hal.ErrClosed}
	}
	return nil, hal.ErrOutOfMemory
}

func (f *fake) Close() error {
	f.closed = true
	return nil
}

// known is a fake of which more is known.
type known struct{ fake }

func (k *known) Info() hal.Info {
	return hal.Info{Name: k.name, Description: "Abacus", Threads: 10, Memory: 3 << 29}
}

func init() {
	status := func(name string, present bool) func() []hal.Status {
		return func() []hal.Status {
			return []hal.Status{{Name: name, Present: present, Reason: "it was taken away"}}
		}
	}
	open := func(s hal.Spec) (hal.Device, error) { return &fake{name: s.String()}, nil }
	hal.Register(hal.Driver{Kind: "shy", Preference: -1, Probe: status("shy", true), Open: open})
	hal.Register(hal.Driver{Kind: "plain", Preference: 0, Probe: status("plain", true), Open: open})
	hal.Register(hal.Driver{Kind: "known", Preference: -1, Probe: status("known", true), Open: func(s hal.Spec) (hal.Device, error) {
		return &known{fake{name: s.String()}}, nil
	}})
	hal.Register(hal.Driver{Kind: "gone", Preference: 9, Probe: status("gone", false), Open: func(s hal.Spec) (hal.Device, error) {
		return nil, &hal.AbsentError{Device: s.String(), Reason: "it was taken away", Remedy: "Bring it back."}
	}})
}

func TestOpenGivesOneDeviceToAName(t *testing.T) {
	a, err := hal.Open("plain@x=1,b=2")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hal.Open("plain@b=2,x=1")
	if err != nil || a != b {
		t.Errorf("two devices of one name (%v)", err)
	}
	if c, err := hal.Open("plain"); err != nil || c == a {
		t.Errorf("one device of two names (%v)", err)
	}
}

// A name is opened anew after its device was closed, and only then.
// At debug level 1 every device that is opened, and not one that is found open, has a line.
func TestOpenedDevicesAreShown(t *testing.T) {
	var b strings.Builder
	defer debug.Redirect(&b)()
	for level := debug.Off; level <= debug.Devices; level++ {
		defer debug.Set(debug.Set(level))
		for _, name := range []string{"known", "gone", "plain@shown=1", "plain@shown=1"} {
			if d, err := hal.Open(name); err == nil {
				defer d.Close()
			}
		}
		if level == debug.Off {
			if b.Len() > 0 {
				t.Errorf("printed without being asked:\n%s", &b)
			}
			for _, name := range []string{"known", "plain@shown=1"} {
				if d, err := hal.Open(name); err == nil {
					d.Close()
				}
			}
		}
	}
	if want := "known      opened, Abacus, 10 threads, 1.5 GiB\nplain@shown=1 opened\n"; b.String() != want {
		t.Errorf("printed\n%swant\n%s", &b, want)
	}
}

func TestOpenAfterClose(t *testing.T) {
	a, err := hal.Open("plain@x=closed")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := hal.Open("plain@x=closed")
	if err != nil || a == b || b.(*fake).closed {
		t.Errorf("after Close, Open gives %v (%v)", b, err)
	}
	if c, err := hal.Open("plain@x=closed"); err != nil || c != b {
		t.Errorf("two open devices of one name (%v)", err)
	}
}

// A device that was opened anew is nobody else's.
func TestOpenNew(t *testing.T) {
	shared, err := hal.Open("plain@x=new")
	if err != nil {
		t.Fatal(err)
	}
	own, err := hal.OpenNew("plain@x=new")
	if err != nil || own == shared || own.Info().Name != shared.Info().Name {
		t.Errorf("%v beside the shared %v (%v)", own, shared, err)
	}
	if again, err := hal.Open("plain@x=new"); err != nil || again != shared {
		t.Errorf("the shared device is another one after OpenNew (%v)", err)
	}
	var bad *hal.SpecError
	for _, name := range []string{"auto", "abacus", ""} {
		if _, err := hal.OpenNew(name); !errors.As(err, &bad) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAutoTakesTheBestThatIsPresent(t *testing.T) {
	var kinds []string
	for _, d := range hal.Drivers() {
		kinds = append(kinds, d.Kind)
	}
	if want := []string{"gone", "plain", "known", "shy"}; !slices.Equal(kinds, want) {
		t.Errorf("drivers in the order %v, want %v", kinds, want)
	}
	d, err := hal.Open("auto")
	if err != nil || d.Info().Name != "plain" {
		t.Errorf("auto is %v (%v)", d, err)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	var absent *hal.AbsentError
	if _, err := hal.Open("gone"); !errors.As(err, &absent) || !strings.Contains(err.Error(), "Bring it back.") {
		t.Errorf("an absent device: %v", err)
	}
	if _, err := hal.Open("cuda:7"); !errors.As(err, &absent) {
		t.Errorf("a kind of the grammar without a driver: %v", err)
	}
	var bad *hal.SpecError
	for _, name := range []string{"abacus", "auto:1", "auto@a=1", ""} {
		if _, err := hal.Open(name); !errors.As(err, &bad) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, s := range hal.AbsentKinds() {
		if s.Present || s.Reason == "" || s.Remedy == "" {
			t.Errorf("absent kind %+v", s)
		}
	}
}

func TestRegisterTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a second driver of one kind was taken")
		}
	}()
	hal.Register(hal.Driver{Kind: "plain"})
}

func TestHealthKeepsTheFirstFailure(t *testing.T) {
	var h hal.Health
	if h.Err() != nil {
		t.Error("born ill")
	}
	if err := h.Poison(hal.ErrDeviceLost); err != hal.ErrDeviceLost {
		t.Error(err)
	}
	if err := h.Poison(hal.ErrClosed); err != hal.ErrDeviceLost || h.Err() != hal.ErrDeviceLost {
		t.Errorf("the first failure was replaced by %v", err)
	}
	e := &hal.DeviceError{Device: "cpu", Op: "add", Kernel: "add_f32", Err: hal.ErrOutOfMemory}
	if !errors.Is(e, hal.ErrOutOfMemory) || e.Error() != "device cpu: add (kernel add_f32): out of device memory" {
		t.Errorf("%v", e)
	}
}
