package conform

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/crease-ml/crease/hal"
)

// Driver says how [Contract] gets at the devices of a driver, and what it cannot find
// out by itself. A name, or Open, is enough.
type Driver struct {
	// Name is a device of a registered driver, in the device grammar. The part reopen
	// closes the device that hal.Open gives for it, so nobody else may be using that.
	Name string
	// Open opens a device that nobody else has; left out, hal.OpenNew of Name.
	Open func() (hal.Device, error)
	// Small (optional) opens a device that gives at most so many bytes, so that
	// running out of memory takes little of it. Devices that say in Info that they have
	// 256 MiB or less need none.
	Small func(bytes int) (hal.Device, error)
	// Fail (optional) makes a stream fail by the driver's own means, as its hardware
	// would: at once, or when it comes to work that was queued here. Left out, streams
	// that embed a hal.Health are given hal.ErrDeviceLost.
	Fail func(hal.Stream)
	// Hold (optional) queues work that is not done before release is called. It shows
	// who blocks the host; devices that do their work inline have none.
	Hold func(hal.Stream) (release func())
	// NoContents is for devices that keep no contents and refuse to download.
	NoContents bool
	// Known names parts that the driver does not keep yet, with the reason. They are
	// skipped, and fail once they are kept.
	Known map[string]string
	// Deadline is how long a part may take before it counts as hung; 0 stands for 20
	// seconds.
	Deadline time.Duration
}

// part is one promise of the contract.
type part struct {
	name, promise string
	data          bool // about contents
	check         func(*trial)
}

// parts are the contract, in an order in which a new driver might come to keep them.
var parts = []part{
	{"open", "a device opens, or says with a *hal.AbsentError why not, and closes", false, checkOpen},
	{"device", "a device describes itself, and what it makes belongs to it", false, checkDevice},
	{"alloc", "Alloc gives any number of bytes from 0 up, aligned and to one owner, and refuses what is no size with an error", false, checkAlloc},
	{"upload", "an upload's source may be reused on return", true, checkUpload},
	{"download", "a download is valid after Sync, or after waiting for an event recorded behind it, and touches nothing else", true, checkDownload},
	{"copy", "Copy copies within and between buffers, and overlapping ranges as Go's copy does", true, checkCopy},
	{"ranges", "ranges that leave a buffer, and buffers that are nil, freed or another device's, are errors at once that poison nothing", false, checkRanges},
	{"order", "work on a stream is done in the order in which it was queued", true, checkOrder},
	{"launch", "Launch runs a call once, in order, on the memory it is given, and returns its error", false, checkLaunch},
	{"events", "an event is reached after what was queued before it, and may be waited for at any time, often and by many", false, checkEvents},
	{"streams", "Record and Wait order the work of different streams", true, checkStreams},
	{"asynchronous", "only Sync, an event's Wait and large uploads block the host", true, checkAsynchronous},
	{"free", "a buffer may be freed while queued work, on any stream, still uses it", true, checkFree},
	{"free-twice", "freeing a buffer twice frees it once", false, checkFreeTwice},
	{"memory", "what is freed is off the statistics (hal.Meter), and what failed was never on them", false, checkMemory},
	{"out-of-memory", "memory that runs out is hal.ErrOutOfMemory, and the device goes on working", false, checkOutOfMemory},
	{"goroutines", "goroutines with a stream each may use a device at once", true, checkGoroutines},
	{"poison", "after a stream's first failure, every call on it and every event of it returns that failure", false, checkPoison},
	{"close", "after Close everything is hal.ErrClosed, freed memory goes back, and Close returns nil", false, checkClose},
	{"reopen", "a closed device can be opened again, as a new one, and an open one is shared under its name", false, checkReopen},
}

// Contract checks what a driver promises beyond its kernels: memory, transfers, order,
// events, failure, and the life of a device. Every promise is a subtest. A panic and a
// hang of the driver fail the subtest they are in. The test is skipped where the device
// is absent, see [Absent].
func Contract(t *testing.T, of Driver) {
	t.Helper()
	if _, _, absent := parts[0].run(of); absent != nil {
		spec, _ := hal.ParseSpec(absent.Device)
		Absent(t, spec.Kind, absent)
	}
	for _, name := range slices.Sorted(maps.Keys(of.Known)) {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			t.Errorf("Driver.Known has %q, which is no part of the contract", name)
		}
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			found, skipped, _ := p.run(of)
			known, expected := of.Known[p.name]
			switch {
			case expected && len(found) > 0:
				t.Skipf("known: %s (%s)", known, found[0])
			case expected && skipped == "":
				t.Errorf("it is kept: take it out of Driver.Known, which says: %s", known)
			}
			for _, what := range found {
				t.Errorf("promised: %s.\n%s", p.promise, what)
			}
			if skipped != "" && len(found) == 0 {
				t.Skip(skipped)
			}
		})
	}
}

// Breach is a promise that a driver did not keep.
type Breach struct {
	Part    string   // its name
	Promise string   // in a sentence
	Found   []string // what happened instead
}

// Breaches is the contract without a test around it: what the driver does not keep.
func Breaches(of Driver) []Breach {
	var out []Breach
	for _, p := range parts {
		if found, _, _ := p.run(of); len(found) > 0 {
			out = append(out, Breach{p.name, p.promise, found})
		}
	}
	return out
}

// open opens a device that nobody else has.
func (d Driver) open() (hal.Device, error) {
	if d.Open != nil {
		return d.Open()
	}
	if d.Name == "" {
		return nil, errors.New("a conform.Driver needs a Name or Open")
	}
	return hal.OpenNew(d.Name)
}

// run checks the part on a device of its own. It returns what the driver did wrong, why
// nothing more was checked if something was not, and why there is no device.
func (p part) run(of Driver) (found []string, skipped string, absent *hal.AbsentError) {
	if p.data && of.NoContents {
		return nil, "the device keeps no contents", nil
	}
	deadline := of.Deadline
	if deadline == 0 {
		deadline = 20 * time.Second
	}
	t := newTrial(of)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.run(func() {
			t.dev = t.open()
			p.check(t)
		})
		t.end()
	}()
	select {
	case <-done:
	case <-time.After(deadline):
		t.hung(deadline)
	}
	return t.result()
}
