package cpufeat

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// CacheSizes holds the data-cache sizes of one core in bytes. Zero means unknown.
type CacheSizes struct {
	L1, L2, L3 int
}

// Model returns the processor's marketing name where the operating system tells
// it through /proc/cpuinfo, else the architecture.
var Model = sync.OnceValue(func() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		key, value, ok := strings.Cut(s.Text(), ":")
		if ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
})

// Caches returns the cache sizes of the first core from Linux's sysfs; on other
// systems every field is zero.
var Caches = sync.OnceValue(func() CacheSizes {
	var c CacheSizes
	dirs, _ := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*")
	for _, dir := range dirs {
		if field(dir, "type") == "Instruction" {
			continue
		}
		size := parseSize(field(dir, "size"))
		switch field(dir, "level") {
		case "1":
			c.L1 = size
		case "2":
			c.L2 = size
		case "3":
			c.L3 = size
		}
	}
	return c
})

func field(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// parseSize reads sysfs sizes such as "32K" or "1M"; anything else gives 0.
func parseSize(s string) int {
	unit := 1
	switch {
	case strings.HasSuffix(s, "K"):
		unit, s = 1<<10, s[:len(s)-1]
	case strings.HasSuffix(s, "M"):
		unit, s = 1<<20, s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int(n) * unit
}
