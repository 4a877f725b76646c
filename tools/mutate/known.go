package main

import "strings"

// known are mistakes that no test can notice, because nothing that may be relied on
// changes. They are named by file, function and change, which outlive a line number, and
// where a function has several alike, by a part of the line. A reason is a sentence that a
// reader can check.
var known = []struct{ file, fun, in, from, to, reason string }{
	{"autograd/walk.go", "leaf", "", "len(w.leaves) < many", "len(w.leaves) <= many", "from how many leaves on a map is asked changes the time only"},
	{"autograd/var.go", "release", "", "s.data = false", "if false { s.data = false }", "a node that has been released is refused before its values are read, and an outline holds no memory"},
	{"autograd/walk.go", "seed", "ops.Ones(", "true", "false", "a seed that the pass makes is one element, added to in place or beside: the sum is the same"},
	{"data/npy/npy.go", "Decode", "", "len(data) < 10", "len(data) <= 10", "a file of 10 bytes has no room for a dictionary, and is a FormatError either way"},
	{"data/npy/header.go", "tuple", "end < 0", "0", "0 + 1", "a text that begins with an opening bracket has none that closes at place 0"},
	{"exec/assign.go", "overwrite", "", "runtime.KeepAlive(dst)", "if false { runtime.KeepAlive(dst) }", "the fallback after the launch still uses dst; the line guards against its removal"},
	{"exec/assign.go", "EvalInto", "", "runtime.KeepAlive(a)", "if false { runtime.KeepAlive(a) }", "the fallback after the launch still uses the arrays; the line guards against its removal"},
	{"exec/run.go", "queue", "", "runtime.KeepAlive(a)", "if false { runtime.KeepAlive(a) }", "all callers still use the arrays for their fallback; the line guards against a new one"},
	{"exec/transfer.go", "stretch", "", "defer runtime.KeepAlive(a)", "if false { defer runtime.KeepAlive(a) }", "both callers still use the layout of the array; the line guards against a new one"},
	{"internal/safefile/system_unix.go", "lockFile", "continue", "continue", "break", "a flock that does not wait is not interrupted on Linux; the loop is for other systems"},
	{"internal/safefile/temporary.go", "cleanOnce", "LoadOrStore", "true", "false", "the map is a set, and nobody reads its values"},
	{"internal/safefile/write.go", "finish", "", "runtime.GOOS == \"windows\"", "runtime.GOOS != \"windows\"", "elsewhere the lock would end a moment before the rename, and only another process that cleans just then could tell"},
	{"shape/broadcast.go", "Broadcast", "Elements(s)", "err != nil", "false && (err != nil)", "the result has every size of the operands, and is checked too"},
}

// equivalent is the reason why a mistake changes nothing, "" where it does.
func equivalent(m *mistake) string {
	for _, k := range known {
		if k.file == m.file && k.fun == m.fun && k.from == m.from && k.to == m.to && strings.Contains(m.sourceLine(), k.in) {
			return k.reason
		}
	}
	return ""
}
