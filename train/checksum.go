package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/crease-ml/crease/data/safetensors"
)

// checksumKey is the metadata key of a checkpoint's checksum.
const checksumKey = "checksum"

// checksum returns the SHA-256 of all that a checkpoint says: its metadata but for the checksum,
// and every tensor's name, type, shape and elements, in the order of names. A bit that flips
// on the way is an error when the file is read, not a run that goes on from wrong weights.
func checksum(tensors []safetensors.Tensor, meta map[string]string) string {
	h := sha256.New()
	put := func(parts ...string) {
		for _, s := range parts { // with their lengths, so that no two texts join to the same
			_ = binary.Write(h, binary.LittleEndian, uint64(len(s)))
			_, _ = io.WriteString(h, s)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		if k != checksumKey {
			put(k, meta[k])
		}
	}
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b safetensors.Tensor) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
	for _, t := range tensors {
		put(t.Name, t.DType.String(), fmt.Sprint(t.Shape))
		_ = binary.Write(h, binary.LittleEndian, uint64(len(t.Data)))
		_, _ = h.Write(t.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// verify compares a checkpoint with its checksum.
func verify(path string, f *safetensors.File) error {
	want, ok := f.Metadata[checksumKey]
	switch {
	case !ok:
		return &CheckpointError{path, "it has no checksum: it was written by an older crease, or is damaged"}
	case want != checksum(f.Tensors(), f.Metadata):
		return &CheckpointError{path, "its checksum does not match: the file is damaged; use an earlier one"}
	}
	return nil
}
