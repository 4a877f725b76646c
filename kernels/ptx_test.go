package kernels

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/crease-ml/crease/internal/devicec"
)

func TestPTX(t *testing.T) {
	dir := os.Getenv("CREASE_PTX_DIR")
	local := map[string]int{}
	bad := 0
	for i, p := range programs(t, CUDA) {
		ptx, err := devicec.Compile(p.Source, devicec.Target{PTX: 70, SM: 80})
		if err != nil {
			if bad++; bad < 10 {
				t.Errorf("%s: %v", p.Name, err)
			}
			continue
		}
		if strings.Contains(ptx, ".local") {
			local[p.Name]++
		}
		if dir != "" {
			os.WriteFile(filepath.Join(dir, p.Name+"_"+strconv.Itoa(i)+".ptx"), []byte(ptx), 0o600)
			os.WriteFile(filepath.Join(dir, p.Name+"_"+strconv.Itoa(i)+".cu"), []byte(p.Source), 0o600)
		}
	}
	t.Log(bad, local)
}
