// Package compiling lets a command show that devices are compiling kernels, which takes
// seconds to minutes on the first run on a new device and would look like a hang. A device
// brackets the work with Begin; whoever wants to show it calls Watch. Programs that come
// from a cache are not compiled and not counted. How many will follow is not known: each
// is compiled when it first runs.
package compiling

import "sync"

var (
	mu    sync.Mutex
	count int // programs that were begun
	busy  int // of those, how many have not ended
	watch func(n int, name string)
)

// Begin says that a device compiles a program, and returns a function that says that it
// has ended.
func Begin(name string) (end func()) {
	mu.Lock()
	defer mu.Unlock()
	count++
	busy++
	if watch != nil {
		watch(count, name)
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if busy--; busy == 0 && watch != nil {
			watch(count, "")
		}
	}
}

// Watch calls show whenever a program is begun, with its number in the life of the process
// and its name, and with no name when none is being compiled any more. Calls come one
// after another. The function that it returns ends that. There is one watcher at a time.
func Watch(show func(n int, name string)) (stop func()) {
	mu.Lock()
	defer mu.Unlock()
	watch = show
	return func() {
		mu.Lock()
		defer mu.Unlock()
		watch = nil
	}
}
