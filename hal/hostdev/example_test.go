package hostdev_test

import (
	"fmt"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
)

// A device whose memory is the host's and which works inline embeds hostdev.Device; it is
// one already, without kernels.
func Example() {
	d := hostdev.New(hal.Info{Name: "mine", Kind: "mine", Alignment: 64, Memory: 1 << 20})
	defer d.Close()
	b, err := d.Alloc(16)
	if err != nil {
		panic(err)
	}
	copy(hostdev.Bytes(b), "crease")
	fmt.Println(b.Size(), string(hostdev.Bytes(b)[:6]), d.Memory().InUse > 0)
	b.Free()
	fmt.Println(d.Memory().InUse)
	// Output:
	// 16 crease true
	// 0
}
